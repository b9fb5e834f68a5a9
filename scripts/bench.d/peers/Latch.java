import java.nio.charset.StandardCharsets;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.retry.ExponentialBackoffRetry;

/** A leader by Curator's own recipe. */
public class Latch {
    public static void main(String[] arguments) throws Exception {
        String address = arguments[0], space = arguments[2], name = arguments[3];
        int timeout = Integer.parseInt(arguments[1]);
        try (CuratorFramework client = CuratorFrameworkFactory.newClient(
                address, timeout, timeout, new ExponentialBackoffRetry(100, 10))) {
            client.start();
            client.createContainers(space + "/leader");
            try (LeaderLatch latch = new LeaderLatch(client, space + "/line", name)) {
                latch.start();
                latch.await();
                client.setData().forPath(space + "/leader", name.getBytes(StandardCharsets.UTF_8));
                while (System.in.read() != -1) { }
            }
        }
    }
}
