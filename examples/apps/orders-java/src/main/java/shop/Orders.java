package shop;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Executors;
import org.json.JSONObject;

/** Takes orders: GET /health, POST /orders?account=N&item=NAME, GET /orders/N, GET /fail. */
public final class Orders {
    static final String VERSION = version();

    private Orders() {}

    public static void main(String[] arguments) throws IOException {
        int port = Integer.parseInt(System.getenv().getOrDefault("SERVER_PORT", "9090"));
        var shop = new Shop();
        var server = HttpServer.create(new InetSocketAddress(port), 0);
        server.setExecutor(Executors.newFixedThreadPool(8));
        server.createContext("/health", exchange -> answer(exchange, Orders::health));
        server.createContext("/fail", exchange -> answer(exchange, Orders::fail));
        server.createContext("/orders", exchange -> answer(exchange, e -> orders(shop, e)));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(server, shop)));
        server.start();
        Log.info("orders %s listens on %d, heap %d MiB".formatted(
                VERSION, port, Runtime.getRuntime().maxMemory() >> 20));
        String zone = System.getenv("EUREKA_CLIENT_SERVICEURL_DEFAULTZONE");
        if (zone != null) {
            String address = System.getenv().getOrDefault("EUREKA_INSTANCE_IPADDRESS", "127.0.0.1");
            new Registration(zone, System.getenv().getOrDefault("APP", "orders"), address, port).start();
        }
    }

    private static JSONObject health(HttpExchange exchange) {
        return new JSONObject().put("status", "UP").put("version", VERSION);
    }

    private static JSONObject fail(HttpExchange exchange) {
        throw new IllegalStateException("asked to fail: " + exchange.getRequestURI().getQuery());
    }

    private static JSONObject orders(Shop shop, HttpExchange exchange) throws Exception {
        String path = exchange.getRequestURI().getPath();
        if (exchange.getRequestMethod().equals("POST")) {
            Map<String, String> asked = query(exchange);
            return shop.order(Integer.parseInt(asked.get("account")), asked.get("item"));
        }
        return shop.find(Long.parseLong(path.substring(path.lastIndexOf('/') + 1)));
    }

    private static Map<String, String> query(HttpExchange exchange) {
        var found = new HashMap<String, String>();
        for (String pair : exchange.getRequestURI().getQuery().split("&")) {
            String[] sides = pair.split("=", 2);
            found.put(sides[0], sides[1]);
        }
        return found;
    }

    private interface Handler {
        JSONObject handle(HttpExchange exchange) throws Exception;
    }

    private static void answer(HttpExchange exchange, Handler handler) throws IOException {
        int status = 200;
        JSONObject body;
        try {
            body = handler.handle(exchange);
        } catch (Exception error) {
            Log.error(exchange.getRequestMethod() + " " + exchange.getRequestURI(), error);
            status = 500;
            body = new JSONObject().put("error", error.toString());
        }
        byte[] text = body.toString().getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(status, text.length);
        try (var out = exchange.getResponseBody()) {
            out.write(text);
        }
    }

    private static void stop(HttpServer server, Shop shop) {
        server.stop(1);
        shop.close();
        Log.info("orders stopped");
    }

    private static String version() {
        String found = Orders.class.getPackage().getImplementationVersion();
        return found == null ? "unknown" : found;
    }
}
