package shop;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;

/**
 * The part of Eureka's REST interface that a service needs: register (POST /eureka/apps/APP), renew (PUT
 * /eureka/apps/APP/ID), leave (DELETE), and the list of all (GET /eureka/apps). In memory, by itself, for an example.
 */
public final class Eureka {
    private static final int LEASE_SECONDS = 90;
    private static final String ROOT = "/eureka/apps";

    private record Instance(String application, String text, Instant renewed) {
        boolean lives() {
            return renewed.plusSeconds(LEASE_SECONDS).isAfter(Instant.now());
        }
    }

    private final Map<String, Instance> instances = new TreeMap<>();

    public static void main(String[] arguments) throws IOException {
        int port = Integer.parseInt(System.getenv().getOrDefault("SERVER_PORT", "9090"));
        var server = HttpServer.create(new InetSocketAddress(port), 0);
        server.setExecutor(Executors.newFixedThreadPool(2));
        server.createContext(ROOT, new Eureka()::handle);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> server.stop(0)));
        server.start();
        System.out.println("eureka listens on " + port);
    }

    private void handle(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath().substring(ROOT.length()).replaceAll("^/|/$", "");
        String text = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
        String[] names = path.split("/");
        int status;
        String answer = "";
        synchronized (instances) {
            instances.values().removeIf(instance -> !instance.lives());
            String method = exchange.getRequestMethod();
            if (method.equals("GET") && path.isEmpty()) {
                status = 200;
                answer = list();
            } else if (method.equals("POST") && names.length == 1) {
                String instance = text.replaceFirst("^\\s*\\{\\s*\"instance\"\\s*:", "").replaceFirst("\\}\\s*$", "");
                String id = text.replaceFirst("(?s).*\"instanceId\"\\s*:\\s*\"([^\"]*)\".*", "$1");
                instances.put(id, new Instance(names[0], instance, Instant.now()));
                System.out.println("registered " + id);
                status = 204;
            } else if (method.equals("PUT") && names.length == 2) {
                var renewed = instances.computeIfPresent(
                        names[1], (id, old) -> new Instance(old.application(), old.text(), Instant.now()));
                status = renewed == null ? 404 : 200;
            } else if (method.equals("DELETE") && names.length == 2) {
                status = instances.remove(names[1]) == null ? 404 : 200;
            } else {
                status = 405;
            }
        }
        byte[] body = answer.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
        try (var out = exchange.getResponseBody()) {
            out.write(body);
        }
    }

    private String list() {
        var applications = instances.values().stream()
                .collect(Collectors.groupingBy(
                        Instance::application, TreeMap::new, Collectors.mapping(Instance::text, Collectors.joining(","))));
        String all = applications.entrySet().stream()
                .map(entry -> "{\"name\":\"%s\",\"instance\":[%s]}".formatted(entry.getKey(), entry.getValue()))
                .collect(Collectors.joining(","));
        return "{\"applications\":{\"application\":[%s]}}".formatted(all);
    }
}
