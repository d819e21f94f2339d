import java.awt.Button;
import java.awt.Component;
import java.awt.Container;
import java.awt.Window;
import java.awt.event.ActionEvent;
import java.awt.event.ActionListener;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.swing.AbstractButton;
import javax.swing.JLabel;
import javax.swing.SwingUtilities;
import javax.swing.text.JTextComponent;

/**
 * Presses the buttons of a student's client in Java: LabPress PORT TOKEN CLASS ARGUMENTS. The check listens at PORT of 127.0.0.1, and says
 * "press WORD" and "texts"; this program says what becomes of it, a line each.
 */
public final class LabPress {
    private static final Map<String, List<String>> WORDS = new LinkedHashMap<>();
    private static Socket link;

    static {
        WORDS.put("setup", Arrays.asList("setup", "set up", "connect"));
        WORDS.put("play", Arrays.asList("play", "start", "resume"));
        WORDS.put("pause", Arrays.asList("pause"));
        WORDS.put("teardown", Arrays.asList("teardown", "tear down", "tear", "stop", "exit", "quit", "close"));
    }

    public static void main(String[] arguments) throws Exception {
        link = new Socket("127.0.0.1", Integer.parseInt(arguments[0]));
        tell("hello", arguments[1], "java", "java", System.getProperty("java.version"));
        start(LabPress::awaitWindow);
        start(LabPress::listen);
        Object rest = Arrays.copyOfRange(arguments, 3, arguments.length);
        Class.forName(arguments[2]).getMethod("main", String[].class).invoke(null, rest);
    }

    private static void start(Runnable work) {
        Thread thread = new Thread(work);
        thread.setDaemon(true);
        thread.start();
    }

    private static void awaitWindow() {
        try {
            while (components().stream().noneMatch(LabPress::isButton)) {
                Thread.sleep(20);
            }
            // The window that has its first button may still get others.
            Thread.sleep(100);
        } catch (InterruptedException error) {
            return;
        }
        List<String> ready = new ArrayList<>(Arrays.asList("ready"));
        for (String word : WORDS.keySet()) {
            if (find(word) != null) {
                ready.add(word);
            }
        }
        // What a window in Java shows cannot be seen.
        tell("unseen");
        tell(ready.toArray(new String[0]));
    }

    private static void listen() {
        try {
            BufferedReader lines = new BufferedReader(new InputStreamReader(link.getInputStream(), StandardCharsets.UTF_8));
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.equals("texts")) {
                    components().forEach(LabPress::tellText);
                    tell("texts-end");
                } else if (line.startsWith("press ")) {
                    press(line.substring("press ".length()));
                }
            }
        } catch (IOException error) {
            // The check has ended.
        }
    }

    private static void press(String word) {
        Component button = find(word);
        if (button == null) {
            tell("pressed", word, "missing");
        } else if (!button.isEnabled()) {
            tell("pressed", word, "disabled");
        } else {
            try {
                SwingUtilities.invokeAndWait(() -> click(button));
                tell("pressed", word, "button");
            } catch (Exception error) {
                tell("pressed", word, "raised", String.valueOf(error.getCause()));
            }
        }
    }

    private static void click(Component button) {
        if (button instanceof AbstractButton) {
            ((AbstractButton) button).doClick(0);
        } else {
            String command = ((Button) button).getActionCommand();
            for (ActionListener listener : ((Button) button).getActionListeners()) {
                listener.actionPerformed(new ActionEvent(button, ActionEvent.ACTION_PERFORMED, command));
            }
        }
    }

    private static Component find(String word) {
        for (String wanted : WORDS.get(word)) {
            for (boolean exact : new boolean[] {true, false}) {
                for (Component component : components()) {
                    String text = isButton(component) ? text(component).trim().toLowerCase() : "";
                    if (text.equals(wanted) || !exact && text.contains(wanted)) {
                        return component;
                    }
                }
            }
        }
        return null;
    }

    private static boolean isButton(Component component) {
        return component instanceof AbstractButton || component instanceof Button;
    }

    private static List<Component> components() {
        List<Component> found = new ArrayList<>(Arrays.asList(Window.getWindows()));
        for (int at = 0; at < found.size(); at++) {
            if (found.get(at) instanceof Container) {
                found.addAll(Arrays.asList(((Container) found.get(at)).getComponents()));
            }
        }
        return found;
    }

    private static String text(Component component) {
        String text = null;
        if (component instanceof AbstractButton) {
            text = ((AbstractButton) component).getText();
        } else if (component instanceof Button) {
            text = ((Button) component).getLabel();
        } else if (component instanceof JLabel) {
            text = ((JLabel) component).getText();
        } else if (component instanceof JTextComponent) {
            text = ((JTextComponent) component).getText();
        }
        return text == null ? "" : text;
    }

    private static void tellText(Component component) {
        String text = text(component);
        if (!text.isEmpty()) {
            tell("text", text);
        }
    }

    private static synchronized void tell(String... words) {
        StringBuilder line = new StringBuilder("[");
        for (String word : words) {
            line.append(line.length() > 1 ? ",\"" : "\"");
            for (char c : word.toCharArray()) {
                line.append(c < ' ' || c == '"' || c == '\\' || c > '~' ? String.format("\\u%04x", (int) c) : String.valueOf(c));
            }
            line.append('"');
        }
        try {
            link.getOutputStream().write((line + "]\n").getBytes(StandardCharsets.UTF_8));
        } catch (IOException error) {
            // The check has ended.
        }
    }
}
