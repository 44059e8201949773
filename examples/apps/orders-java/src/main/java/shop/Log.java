package shop;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;

/** Writes events to stdout and to the file that the sidecar ships; each begins with a bracket. */
final class Log {
    private static final Path FILE =
            Path.of(System.getenv().getOrDefault("LOGGING_FILE_NAME", "/home/deploy/logs/app.log"));
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss.SSS");

    private Log() {}

    static void info(String text) {
        write("INFO", text);
    }

    /** Writes the text with the whole stack trace below it: one event of many lines. */
    static void error(String text, Throwable cause) {
        var trace = new StringWriter();
        cause.printStackTrace(new PrintWriter(trace));
        write("ERROR", text + "\n" + trace.toString().stripTrailing());
    }

    private static synchronized void write(String level, String text) {
        String event = "[%s] %s orders - %s%n".formatted(LocalDateTime.now().format(TIME), level, text);
        System.out.print(event);
        try {
            Files.writeString(FILE, event, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException error) {
            System.err.println("no log file: " + error);
        }
    }
}
