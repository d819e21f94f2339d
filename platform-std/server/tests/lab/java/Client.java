import java.awt.FlowLayout;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.Socket;
import javax.swing.JButton;
import javax.swing.JFrame;
import javax.swing.JLabel;
import javax.swing.SwingUtilities;

/** A client of the streaming lab as such clients in Java are: Client HOST PORT FILE. */
public final class Client {
    private static final int RTP_PORT = 25000;
    private static final JLabel STATISTICS = new JLabel("Lost: 0");
    private static Socket control;
    private static BufferedReader replies;
    private static DatagramSocket media;
    private static String file;
    private static String state = "INIT";
    private static String session = "0";
    private static int cseq;

    public static void main(String[] arguments) throws Exception {
        file = arguments[2];
        control = new Socket(arguments[0], Integer.parseInt(arguments[1]));
        replies = new BufferedReader(new InputStreamReader(control.getInputStream()));
        JFrame frame = new JFrame("Client");
        frame.setLayout(new FlowLayout());
        add(frame, "Setup", () -> ask("SETUP", "INIT", "READY"));
        add(frame, "Play", () -> ask("PLAY", "READY", "PLAYING"));
        add(frame, "Pause", () -> ask("PAUSE", "PLAYING", "READY"));
        add(frame, "Tear", () -> {
            ask("TEARDOWN", state, "INIT");
            System.exit(0);
        });
        frame.add(STATISTICS);
        frame.pack();
        frame.setVisible(true);
    }

    private static void add(JFrame frame, String text, Runnable work) {
        JButton button = new JButton(text);
        button.addActionListener(event -> work.run());
        frame.add(button);
    }

    /** Waits for the reply, as these clients do. */
    private static void ask(String method, String from, String to) {
        if (!state.equals(from)) {
            return;
        }
        try {
            if (method.equals("SETUP") && media == null) {
                media = new DatagramSocket(RTP_PORT);
                Thread receiver = new Thread(Client::receive);
                receiver.setDaemon(true);
                receiver.start();
            }
            cseq++;
            String third = method.equals("SETUP") ? "Transport: RTP/UDP; client_port= " + RTP_PORT : "Session: " + session;
            String request = method + " " + file + " RTSP/1.0\r\nCSeq: " + cseq + "\r\n" + third + "\r\n";
            control.getOutputStream().write(request.getBytes());
            String status = replies.readLine().split(" ")[1];
            replies.readLine();
            String named = replies.readLine().split(" ")[1];
            if (status.equals("200") && (session.equals("0") || session.equals(named))) {
                session = named;
                state = to;
            }
        } catch (IOException error) {
            error.printStackTrace();
        }
    }

    private static void receive() {
        byte[] buffer = new byte[20480];
        int last = 0;
        int lost = 0;
        try {
            while (true) {
                media.receive(new DatagramPacket(buffer, buffer.length));
                int number = (buffer[2] & 255) << 8 | buffer[3] & 255;
                if (number <= last) {
                    continue;
                }
                lost += number - last - 1;
                last = number;
                String text = "Lost: " + lost;
                SwingUtilities.invokeLater(() -> STATISTICS.setText(text));
            }
        } catch (IOException error) {
            // The port is closed.
        }
    }
}
