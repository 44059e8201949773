package shop;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.json.JSONObject;

/** Registers with the first Eureka server that answers, by this pod's address, and again when it has forgotten. */
final class Registration {
    private static final int SECONDS = 5;
    private final HttpClient client = HttpClient.newHttpClient();
    private final String[] servers;
    private final String application;
    private final String address;
    private final int port;

    Registration(String zone, String application, String address, int port) {
        this.servers = zone.split(",");
        this.application = application;
        this.address = address;
        this.port = port;
    }

    void start() {
        var timer = Executors.newSingleThreadScheduledExecutor(work -> {
            var thread = new Thread(work, "registration");
            thread.setDaemon(true);
            return thread;
        });
        timer.scheduleWithFixedDelay(this::renew, 0, SECONDS, TimeUnit.SECONDS);
    }

    private void renew() {
        for (String server : servers) {
            try {
                if (send(server, "PUT", "/" + id(), BodyPublishers.noBody()) == 404) {
                    send(server, "POST", "", BodyPublishers.ofString(instance()));
                    Log.info("registered with " + server);
                }
                return;
            } catch (IOException error) {
                Log.info("no answer of " + server + ": " + error);
            } catch (InterruptedException stopped) {
                return;
            }
        }
    }

    private int send(String server, String method, String path, BodyPublisher body)
            throws IOException, InterruptedException {
        var place = URI.create(server.replaceAll("/$", "") + "/apps/" + application.toUpperCase() + path);
        var request = HttpRequest.newBuilder(place)
                .timeout(Duration.ofSeconds(SECONDS))
                .header("Content-Type", "application/json")
                .method(method, body)
                .build();
        return client.send(request, BodyHandlers.discarding()).statusCode();
    }

    private String id() {
        return address + ":" + application + ":" + port;
    }

    private String instance() {
        var found = new JSONObject()
                .put("instanceId", id())
                .put("app", application.toUpperCase())
                .put("hostName", address)
                .put("ipAddr", address)
                .put("status", "UP")
                .put("port", new JSONObject().put("$", port).put("@enabled", "true"));
        return new JSONObject().put("instance", found).toString();
    }
}
