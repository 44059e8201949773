package poscloud;

import java.util.Base64;
import java.util.Random;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.ApplicationArguments;
import org.springframework.boot.ApplicationRunner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;

/** Says what the JVM sees, and writes as much log as it is told to. */
@SpringBootApplication
public class Service implements ApplicationRunner {
    @Value("${log-mebibytes:0}")
    int mebibytes;

    public static void main(String[] args) {
        SpringApplication.run(Service.class, args);
    }

    @Override
    public void run(ApplicationArguments arguments) {
        var runtime = Runtime.getRuntime();
        var log = LoggerFactory.getLogger(Service.class);
        log.info("processors {} heap {}", runtime.availableProcessors(), runtime.maxMemory() >> 20);
        var random = new Random(1);
        var bytes = new byte[700]; // with the time and the logger's name, a line of about 1 KiB
        for (int i = 0; i < mebibytes << 10; i++) {
            random.nextBytes(bytes);
            log.info(Base64.getEncoder().encodeToString(bytes));
        }
        log.info("ready");
    }
}
