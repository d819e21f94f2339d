"""Presses the buttons of a student's client, and tells which pictures it shows.

press.py PORT TOKEN DISPLAY SCRIPT ARGUMENTS...: DISPLAY is "tk", or "none" where there is no display. The check listens at PORT
of 127.0.0.1. It says "press WORD" and "texts"; this program says what becomes of it, a line each.
"""

import gc
import json
import os
import queue
import runpy
import socket
import sys
import threading
import zlib

WORDS = {
    "setup": ("setup", "set up", "connect"),
    "play": ("play", "start", "resume", "\u25b6"),
    "pause": ("pause", "\u23f8"),
    "teardown": ("teardown", "tear down", "tear", "stop", "exit", "quit", "close"),
}
METHODS = {
    "setup": ("setupMovie", "setup_movie"),
    "play": ("playMovie", "play_movie"),
    "pause": ("pauseMovie", "pause_movie"),
    "teardown": ("exitClient", "exit_client", "teardownMovie", "teardown", "stopMovie", "stop_movie"),
}

port, token, display, script = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
link = socket.create_connection(("127.0.0.1", port))
link_lock = threading.Lock()
asked = queue.Queue()
here = os.path.dirname(os.path.abspath(__file__))


def tell(*words):
    line = json.dumps([str(word) for word in words]) + "\n"
    try:
        with link_lock:
            link.sendall(line.encode())
    except OSError:
        pass


def listen():
    for line in link.makefile("r", encoding="utf-8"):
        asked.put(line.split())


def saw(data):
    """The client has opened these bytes as a picture."""
    tell("frame", len(data), zlib.crc32(data), data[:16].hex())


def load_stub(name, file):
    """A module of ours instead of one that is missing."""
    import importlib.util

    spec = importlib.util.spec_from_file_location(name, os.path.join(here, file))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def get_tkinter():
    if display != "none":
        try:
            import tkinter

            tkinter.Tcl()
            return tkinter, "real"
        except Exception:
            pass
    stub = load_stub("tkinter", "stub_tk.py")
    for name in ("messagebox", "ttk", "font", "filedialog", "simpledialog", "constants", "scrolledtext"):
        sys.modules["tkinter." + name] = stub.submodule(name)
    return stub, "stub"


def get_pil(tkinter, tk):
    try:
        import PIL.Image
        import PIL.ImageTk

        if tk == "stub":
            # Pillow's own wants a real window.
            PIL.ImageTk.PhotoImage = lambda *arguments, **named: tkinter.PhotoImage()
        return "real"
    except Exception:
        stub = load_stub("PIL", "stub_pil.py")
        for name in ("Image", "ImageTk", "ImageFile", "ImageDraw", "ImageFont", "ImageOps"):
            sys.modules["PIL." + name] = getattr(stub, name)
        return "stub"


def watch_pictures():
    import PIL.Image

    opened = PIL.Image.open

    def watched(source, *arguments, **named):
        try:
            if hasattr(source, "read"):
                place = source.tell()
                data = source.read()
                source.seek(place)
            else:
                with open(source, "rb") as file:
                    data = file.read()
            saw(bytes(data))
        except Exception as error:
            tell("odd", repr(error))
        return opened(source, *arguments, **named)

    PIL.Image.open = watched


def watch_opencv():
    """OpenCV is not ours to import: it takes long, and few clients use it."""
    cv2 = sys.modules.get("cv2")
    if cv2 is None or not hasattr(cv2, "imdecode") or hasattr(cv2, "lab_check"):
        return
    decode, read = cv2.imdecode, cv2.imread

    def watched_decode(data, *arguments, **named):
        saw(bytes(data))
        return decode(data, *arguments, **named)

    def watched_read(name, *arguments, **named):
        try:
            with open(name, "rb") as file:
                saw(file.read())
        except Exception as error:
            tell("odd", repr(error))
        return read(name, *arguments, **named)

    cv2.imdecode, cv2.imread, cv2.lab_check = watched_decode, watched_read, True


def opens_pictures():
    """Whether the client's files speak of what is watched."""
    folder = os.path.dirname(os.path.abspath(script))
    for name in os.listdir(folder):
        if name.endswith(".py"):
            with open(os.path.join(folder, name), errors="replace") as file:
                text = file.read()
            if "PIL" in text or "cv2" in text:
                return True
    return False


def answer_boxes(tkinter):
    """Nobody is there to press a box's button: each is answered with yes."""
    import tkinter.messagebox as boxes

    def answering(kind, answer):
        def box(title=None, message=None, **_):
            tell("box", kind, title, message)
            return answer

        return box

    answers = {"showinfo": "ok", "showwarning": "ok", "showerror": "ok", "askquestion": "yes"}
    for kind in ("askokcancel", "askyesno", "askretrycancel", "askyesnocancel"):
        answers[kind] = kind != "askretrycancel"
    for kind, answer in answers.items():
        setattr(boxes, kind, answering(kind, answer))


def widgets(root):
    found = [root]
    for widget in found:
        try:
            found.extend(widget.winfo_children())
        except Exception:
            pass
    return found


def text_of(widget):
    try:
        return str(widget.cget("text"))
    except Exception:
        pass
    try:
        return str(widget.get("1.0", "end"))
    except Exception:
        return ""


def find(root, word):
    """The button of that word, or the method; and how it was found."""
    buttons = [widget for widget in widgets(root) if hasattr(widget, "invoke")]
    for wanted in WORDS[word]:
        for exact in (True, False):
            for button in buttons:
                text = text_of(button).strip().lower()
                if text == wanted or not exact and wanted in text:
                    return button, "button"
    for thing in gc.get_objects():
        for name in METHODS[word]:
            if name in getattr(type(thing), "__dict__", ()) and callable(getattr(type(thing), name)):
                return getattr(thing, name), "method"
    return None, "missing"


def press(root, word):
    target, how = find(root, word)
    try:
        if how == "button":
            if str(target.cget("state")) == "disabled":
                how = "disabled"
            else:
                target.invoke()
        elif how == "method":
            target()
    except BaseException as error:
        tell("pressed", word, "raised", type(error).__name__, error)
        if isinstance(error, SystemExit):
            raise
        return
    tell("pressed", word, how)


def serve(root):
    """Does what the check has asked for."""
    while True:
        try:
            asking = asked.get_nowait()
        except queue.Empty:
            return
        if asking[:1] == ["press"]:
            press(root, asking[1])
        elif asking == ["texts"]:
            for widget in widgets(root):
                text = text_of(widget).strip()
                if text:
                    tell("text", text)
            try:
                tell("text", root.title())
            except Exception:
                pass
            tell("texts-end")


def hook(tkinter):
    """Has each main loop look every 20 ms for what the check asks for."""
    roots = set()

    def begin(widget):
        root = widget._root() if hasattr(widget, "_root") else widget
        if id(root) in roots:
            return
        roots.add(id(root))
        watch_opencv()
        if not opens_pictures():
            tell("unseen")
        tell("ready", *[word for word in WORDS if find(root, word)[0] is not None])

        def poll():
            serve(root)
            try:
                root.after(20, poll)
            except Exception:
                pass

        root.after(20, poll)

    def wrap(owner, name):
        original = getattr(owner, name)

        def wrapped(*arguments, **named):
            begin(arguments[0] if arguments and hasattr(arguments[0], "after") else tkinter._default_root)
            return original(*arguments, **named)

        setattr(owner, name, wrapped)

    wrap(tkinter.Misc, "mainloop")
    wrap(tkinter.Misc, "update")
    wrap(tkinter, "mainloop")


def main():
    tkinter, tk = get_tkinter()
    pil = get_pil(tkinter, tk)
    tell("hello", token, tk, pil, sys.version.split()[0])
    watch_pictures()
    answer_boxes(tkinter)
    hook(tkinter)
    threading.Thread(target=listen, daemon=True).start()
    sys.argv = sys.argv[4:]
    sys.path[0] = os.path.dirname(os.path.abspath(script))
    arguments = sys.argv[1:]
    found = runpy.run_path(script, run_name="__main__")
    # A file that has the class alone is started as the lab's launcher does it.
    if "__main__" not in open(script, errors="replace").read() and isinstance(found.get("Client"), type):
        root = tkinter.Tk()
        kept = found["Client"](root, *arguments)
        root.mainloop()
        del kept


main()
