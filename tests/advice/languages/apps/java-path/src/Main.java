import com.google.gson.Gson;
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.util.Map;

public class Main {
    public static void main(String[] words) throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 18210), 0);
        server.createContext("/health", exchange -> {
            String title;
            try {
                title = (String) Class.forName("org.apache.commons.lang3.StringUtils").getMethod("capitalize", String.class).invoke(null, "word");
            } catch (ReflectiveOperationException e) {
                title = e.toString();
            }
            byte[] body = new Gson().toJson(Map.of("app", "java-path", "title", title)).getBytes();
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
    }
}
