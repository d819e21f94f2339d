import java.io.BufferedReader;
import java.io.DataInputStream;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;

/** A server of the streaming lab as such servers in Java are: Server PORT. It takes one client, and ends with it. */
public final class Server {
    private static final int INTERVAL = 100;
    private static volatile boolean playing;
    private static DataInputStream film;
    private static int port;

    public static void main(String[] arguments) throws Exception {
        Socket client;
        try (ServerSocket listener = new ServerSocket(Integer.parseInt(arguments[0]))) {
            client = listener.accept();
        }
        Thread sender = new Thread(() -> send(client.getInetAddress()));
        sender.setDaemon(true);
        BufferedReader lines = new BufferedReader(new InputStreamReader(client.getInputStream()));
        String state = "INIT";
        while (true) {
            String first = lines.readLine();
            if (first == null) {
                return;
            }
            String[] words = first.split(" ");
            String cseq = lines.readLine().split(" ")[1];
            String third = lines.readLine();
            if (words[0].equals("SETUP") && state.equals("INIT")) {
                film = new DataInputStream(new FileInputStream(words[1]));
                port = Integer.parseInt(third.substring(third.indexOf('=') + 1).trim());
                state = "READY";
            } else if (words[0].equals("PLAY") && state.equals("READY")) {
                state = "PLAYING";
                playing = true;
                if (!sender.isAlive()) {
                    sender.start();
                }
            } else if (words[0].equals("PAUSE") && state.equals("PLAYING")) {
                state = "READY";
                playing = false;
            } else if (words[0].equals("TEARDOWN")) {
                playing = false;
                state = "OVER";
            } else {
                continue;
            }
            OutputStream out = client.getOutputStream();
            out.write(("RTSP/1.0 200 OK\r\nCSeq: " + cseq + "\r\nSession: 123456\r\n").getBytes());
            if (state.equals("OVER")) {
                System.exit(0);
            }
        }
    }

    private static void send(InetAddress host) {
        try (DatagramSocket socket = new DatagramSocket()) {
            for (int number = 1;; Thread.sleep(INTERVAL)) {
                if (!playing) {
                    continue;
                }
                byte[] digits = new byte[5];
                film.readFully(digits);
                byte[] frame = new byte[Integer.parseInt(new String(digits))];
                film.readFully(frame);
                ByteBuffer packet = ByteBuffer.allocate(12 + frame.length);
                packet.put((byte) 0x80).put((byte) 26).putShort((short) number).putInt(number * INTERVAL).putInt(1337);
                packet.put(frame);
                socket.send(new DatagramPacket(packet.array(), packet.capacity(), host, port));
                number++;
            }
        } catch (IOException | InterruptedException error) {
            // The film is over.
        }
    }
}
