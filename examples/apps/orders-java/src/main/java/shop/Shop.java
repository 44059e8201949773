package shop;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.json.JSONObject;
import redis.clients.jedis.JedisPooled;

/** What an order needs: account and cart, Redis, MySQL, Kafka, and a mail. Each is looked for when it is needed. */
final class Shop implements AutoCloseable {
    private static final int MILLISECONDS = 10_000;
    private final HttpClient client = HttpClient.newHttpClient();
    private JedisPooled redis;
    private KafkaProducer<String, String> kafka;

    /** Asks everybody, writes the order, and returns what each said. */
    JSONObject order(int account, String item) throws Exception {
        String balance = account(account);
        JSONObject cart = post("CART", "/carts/" + account + "/" + item);
        int price = cart.getInt("price");
        long number = redis().incr("orders");
        insert(number, account, item, price);
        var event = new JSONObject().put("order", number).put("account", account).put("item", item);
        kafka().send(new ProducerRecord<>("orders", Long.toString(number), event.toString()))
                .get(MILLISECONDS, TimeUnit.MILLISECONDS);
        JSONObject mail = post("SHOP", "/shop/mails/" + number);
        Log.info("order %d of account %d: %s".formatted(number, account, item));
        return event.put("balance", balance)
                .put("in_cart", cart.getInt("count"))
                .put("price", price)
                .put("mail", mail.getString("task"))
                .put("version", Orders.VERSION);
    }

    /** Returns an order as MySQL has it, with the state of its mail. */
    JSONObject find(long number) throws SQLException {
        String query = "SELECT account, item, price, mailed FROM orders WHERE number = ?";
        try (var connection = mysql(); var statement = connection.prepareStatement(query)) {
            statement.setLong(1, number);
            var row = statement.executeQuery();
            if (!row.next()) {
                throw new IllegalArgumentException("there is no order " + number);
            }
            return new JSONObject().put("order", number).put("account", row.getInt(1)).put("item", row.getString(2))
                    .put("price", row.getInt(3)).put("mailed", row.getBoolean(4));
        }
    }

    @Override
    public synchronized void close() {
        if (kafka != null) {
            kafka.close(Duration.ofSeconds(2));
        }
    }

    private void insert(long number, int account, String item, int price) throws SQLException {
        String text = "INSERT INTO orders (number, account, item, price) VALUES (?, ?, ?, ?)";
        try (var connection = mysql(); var statement = connection.prepareStatement(text)) {
            statement.setLong(1, number);
            statement.setInt(2, account);
            statement.setString(3, item);
            statement.setInt(4, price);
            statement.executeUpdate();
        }
    }

    private static Connection mysql() throws SQLException {
        String place = "jdbc:mariadb://%s:%s/%s?connectTimeout=%d".formatted(
                env("MYSQL_HOST"), env("MYSQL_PORT"), env("MYSQL_DATABASE"), MILLISECONDS);
        return DriverManager.getConnection(place, env("MYSQL_USERNAME"), env("MYSQL_PASSWORD"));
    }

    private synchronized JedisPooled redis() {
        if (redis == null) {
            redis = new JedisPooled(env("REDIS_HOST"), Integer.parseInt(env("REDIS_PORT")));
        }
        return redis;
    }

    private synchronized KafkaProducer<String, String> kafka() {
        if (kafka == null) {
            var settings = new Properties();
            settings.put("bootstrap.servers", env("KAFKA_URL"));
            settings.put("acks", "all");
            settings.put("max.block.ms", Integer.toString(MILLISECONDS));
            kafka = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer());
        }
        return kafka;
    }

    private static String account(int number) throws IOException {
        try (var socket = new Socket(env("ACCOUNT_HOST"), Integer.parseInt(env("ACCOUNT_PORT")))) {
            socket.setSoTimeout(MILLISECONDS);
            socket.getOutputStream().write("balance %d\n".formatted(number).getBytes(StandardCharsets.US_ASCII));
            var reader = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));
            String answer = reader.readLine();
            if (answer == null || !answer.startsWith("ok ")) {
                throw new IOException("account said: " + answer);
            }
            return answer.substring(answer.lastIndexOf(' ') + 1);
        }
    }

    private JSONObject post(String service, String path) throws IOException, InterruptedException {
        var request = HttpRequest.newBuilder(URI.create(env(service + "_URL") + path))
                .timeout(Duration.ofMillis(MILLISECONDS))
                .POST(BodyPublishers.noBody())
                .build();
        var answer = client.send(request, BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
            throw new IOException(request.uri() + " said " + answer.statusCode() + ": " + answer.body());
        }
        return new JSONObject(answer.body());
    }

    private static String env(String name) {
        String value = System.getenv(name);
        if (value == null) {
            throw new IllegalStateException("the variable " + name + " is not set");
        }
        return value;
    }
}
