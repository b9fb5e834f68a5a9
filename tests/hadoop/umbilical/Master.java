import java.io.*;
import java.lang.reflect.Proxy;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.io.Text;
import org.apache.hadoop.ipc.*;
import org.apache.hadoop.mapred.*;
import org.apache.hadoop.mapreduce.security.TokenCache;
import org.apache.hadoop.mapreduce.security.token.*;
import org.apache.hadoop.security.Credentials;
import org.apache.hadoop.security.token.Token;

/**
 * The umbilical of an application master, by Hadoop's own server: writes the job's token to a file, says where it
 * listens, then what it is told, a line each. Ends with its stdin.
 *
 * VERSION PROTECTION WRITABLE|PROTOBUF JOB FILE [wrong]: with the last the file holds what another master would take.
 */
public class Master {
    private static final String NAME = "org.apache.hadoop.mapred.TaskUmbilicalProtocol";

    /** What the masters of Hadoop 3.0 to 3.2 serve, as far as it matters here. */
    @ProtocolInfo(protocolName = NAME, protocolVersion = 20)
    public interface Before33 extends VersionedProtocol {
        void fatalError(TaskAttemptID attempt, String message) throws IOException;
    }

    /** What those of Hadoop 2 serve. */
    @ProtocolInfo(protocolName = NAME, protocolVersion = 19)
    public interface Before30 extends VersionedProtocol {
        void fatalError(TaskAttemptID attempt, String message) throws IOException;
    }

    public static void main(String[] arguments) throws Exception {
        Class<?> protocol =
                switch (arguments[0]) {
                    case "21" -> TaskUmbilicalProtocol.class;
                    case "20" -> Before33.class;
                    case "19" -> Before30.class;
                    default -> VersionedProtocol.class;
                };
        Configuration configuration = new Configuration();
        configuration.set("hadoop.rpc.protection", arguments[1]);
        Object instance =
                Proxy.newProxyInstance(
                        Master.class.getClassLoader(),
                        new Class<?>[] {protocol},
                        (self, method, told) -> {
                            StringBuilder line = new StringBuilder(method.getName());
                            for (Object one : told) line.append(' ').append(one);
                            System.out.println(line);
                            return null;
                        });
        JobTokenSecretManager secrets = new JobTokenSecretManager();
        JobTokenIdentifier identifier = new JobTokenIdentifier(new Text(arguments[3]));
        Token<JobTokenIdentifier> token = new Token<>(identifier, secrets);
        token.setService(identifier.getJobId());
        secrets.addTokenForJob(arguments[3], token);
        Token<JobTokenIdentifier> held = new Token<>(token);
        if (arguments.length > 5) held = new Token<>(identifier, new JobTokenSecretManager());
        Credentials credentials = new Credentials();
        TokenCache.setJobToken(held, credentials);
        try (DataOutputStream file = new DataOutputStream(new FileOutputStream(arguments[4]))) {
            credentials.writeTokenStorageToStream(
                    file, Credentials.SerializedFormat.valueOf(arguments[2]));
        }
        RPC.Server server =
                new RPC.Builder(configuration)
                        .setProtocol(protocol)
                        .setInstance(instance)
                        .setBindAddress("127.0.0.1")
                        .setPort(0)
                        .setNumHandlers(1)
                        .setSecretManager(secrets)
                        .build();
        server.start();
        System.out.println(server.getListenerAddress().getPort());
        while (System.in.read() >= 0) {}
        server.stop();
        System.exit(0);
    }
}
