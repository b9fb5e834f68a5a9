import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Map;
import javax.security.auth.callback.*;
import javax.security.sasl.*;

/**
 * Lets Java's own DIGEST-MD5 client and server talk, and prints what they say: the vectors in
 * crates/streaming/src/umbilical/layer/tests.rs.
 *
 * QOP [CIPHER]: auth-int or auth-conf; 3des or rc4.
 */
public class Vectors {
    private static final String USER = "chris";
    private static final String PASSWORD = "secret";
    private static final String[] SAID = {"a call", "b", "one more call, which is longer than a block"};
    private static final String[] ANSWERED = {"an answer", "x".repeat(22), "the last"};

    public static void main(String[] arguments) throws Exception {
        // Java's own property for the one cipher to use.
        Map<String, String> properties =
                arguments.length > 1
                        ? Map.of(Sasl.QOP, arguments[0], "com.sun.security.sasl.digest.cipher", arguments[1])
                        : Map.of(Sasl.QOP, arguments[0]);
        CallbackHandler answers =
                callbacks -> {
                    for (Callback one : callbacks) {
                        if (one instanceof NameCallback name) name.setName(USER);
                        if (one instanceof PasswordCallback word) word.setPassword(PASSWORD.toCharArray());
                        if (one instanceof RealmCallback realm) realm.setText(realm.getDefaultText());
                        if (one instanceof AuthorizeCallback asked) asked.setAuthorized(true);
                    }
                };
        SaslServer server = Sasl.createSaslServer("DIGEST-MD5", "", "default", properties, answers);
        SaslClient client =
                Sasl.createSaslClient(
                        new String[] {"DIGEST-MD5"}, null, "", "default", properties, answers);
        byte[] challenge = server.evaluateResponse(new byte[0]);
        System.out.println("challenge " + new String(challenge, StandardCharsets.UTF_8));
        byte[] response = client.evaluateChallenge(challenge);
        System.out.println("response " + new String(response, StandardCharsets.UTF_8));
        byte[] proof = server.evaluateResponse(response);
        System.out.println("proof " + new String(proof, StandardCharsets.UTF_8));
        client.evaluateChallenge(proof);
        for (String text : SAID) say("said", text, client.wrap(text.getBytes(), 0, text.length()));
        for (String text : ANSWERED) say("answered", text, server.wrap(text.getBytes(), 0, text.length()));
    }

    private static void say(String what, String text, byte[] wrapped) {
        System.out.println(what + " '" + text + "' " + HexFormat.of().formatHex(wrapped));
    }
}
