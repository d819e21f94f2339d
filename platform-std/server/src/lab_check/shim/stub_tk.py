"""Stands in for tkinter where it or a display is missing: widgets that are not drawn, and a main loop."""

import heapq
import itertools
import sys
import threading
import time
import traceback
import types


class TclError(Exception):
    pass


_default_root = None
_numbers = itertools.count()


class Misc:
    def __init__(self, master=None, *_, **options):
        self.master = master if master is not None else (None if isinstance(self, Tk) else _default_root)
        self.children = []
        self._options = {"state": "normal", "text": ""}
        self._options.update(options)
        self._name = "stub%d" % next(_numbers)
        if isinstance(self.master, Misc):
            self.master.children.append(self)

    def _root(self):
        widget = self
        while isinstance(widget.master, Misc):
            widget = widget.master
        return widget

    def __setitem__(self, name, value):
        self._options[name] = value

    def __getitem__(self, name):
        return self._options.get(name, "")

    cget = __getitem__

    def configure(self, *_, **options):
        self._options.update(options)

    config = configure

    def keys(self):
        return list(self._options)

    def winfo_children(self):
        return list(self.children)

    def winfo_exists(self):
        return not self._root()._is_gone

    def winfo_width(self):
        return 640

    winfo_height = winfo_reqwidth = winfo_reqheight = winfo_screenwidth = winfo_screenheight = winfo_width

    def after(self, millis, function=None, *arguments):
        return self._root()._later(millis, function, arguments)

    def after_idle(self, function, *arguments):
        return self.after(0, function, *arguments)

    def after_cancel(self, number):
        self._root()._cancelled.add(number)

    def mainloop(self, _=0):
        self._root()._loop()

    def update(self):
        self._root()._turn()

    def update_idletasks(self):
        pass

    def quit(self):
        self._root()._is_over = True

    def destroy(self):
        if isinstance(self.master, Misc) and self in self.master.children:
            self.master.children.remove(self)

    def title(self, text=None):
        if text is not None:
            self._options["title"] = text
        return self._options.get("title", "")

    def __str__(self):
        return "." + self._name

    def __getattr__(self, name):
        # What there is for looks alone: grid, pack, bind, protocol, geometry and the rest.
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *arguments, **options: None


class Tk(Misc):
    def __init__(self, *arguments, **options):
        global _default_root
        super().__init__(None)
        self._queue, self._cancelled, self._lock = [], set(), threading.Lock()
        self._is_over = self._is_gone = False
        if _default_root is None:
            _default_root = self

    def _later(self, millis, function, arguments):
        if self._is_gone:
            raise TclError("the application has been destroyed")
        if function is None:
            time.sleep(int(millis) / 1000)
            return None
        number = "after#%d" % next(_numbers)
        delay = 0 if millis == "idle" else float(millis) / 1000
        with self._lock:
            heapq.heappush(self._queue, (time.monotonic() + delay, next(_numbers), number, function, arguments))
        return number

    def _turn(self):
        while True:
            with self._lock:
                if not self._queue or self._queue[0][0] > time.monotonic():
                    return
                _, _, number, function, arguments = heapq.heappop(self._queue)
            if number in self._cancelled:
                continue
            _call(function, *arguments)

    def _loop(self):
        while not (self._is_over or self._is_gone):
            self._turn()
            time.sleep(0.01)

    def destroy(self):
        self._is_gone = True


class Toplevel(Misc):
    pass


class Widget(Misc):
    pass


class Button(Widget):
    def invoke(self):
        command = self._options.get("command")
        if command and str(self._options.get("state")) != "disabled":
            return _call(command)
        return None


class Checkbutton(Button):
    pass


class Radiobutton(Button):
    pass


class Text(Widget):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self._text = ""

    def insert(self, _, text, *rest):
        self._text += str(text)

    def delete(self, *_):
        self._text = ""

    def get(self, *_):
        return self._text


class Entry(Text):
    pass


class Variable:
    def __init__(self, master=None, value=None, name=None):
        self._value = value

    def get(self):
        return self._value

    def set(self, value):
        self._value = value

    def trace_add(self, *_):
        pass

    trace = trace_add

    def __str__(self):
        return "PY_VAR"


class StringVar(Variable):
    def __init__(self, master=None, value="", name=None):
        super().__init__(master, value)


class IntVar(Variable):
    def __init__(self, master=None, value=0, name=None):
        super().__init__(master, value)


DoubleVar = BooleanVar = IntVar


class PhotoImage:
    def __init__(self, *_, **options):
        self._size = (options.get("width", 1), options.get("height", 1))

    def width(self):
        return self._size[0]

    def height(self):
        return self._size[1]

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *arguments, **options: None


def _call(function, *arguments):
    """As Tk calls what belongs to a button: an exception is shown, and the loop goes on."""
    try:
        return function(*arguments)
    except SystemExit:
        raise
    except Exception:
        sys.stderr.write("Exception in Tkinter callback\n")
        traceback.print_exc()
        return None


def mainloop(n=0):
    if _default_root is not None:
        _default_root.mainloop()


class _More(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        found = globals().get(name)
        return found if found is not None else (name if name.isupper() else Widget)


def submodule(name):
    module = _More("tkinter." + name)
    module.__all__ = ["Button", "Label", "Frame", "Style"] if name == "ttk" else []
    globals()[name] = module
    return module


TkVersion = TclVersion = 8.6
Label = type("Label", (Widget,), {})
Frame = type("Frame", (Widget,), {})
for _name in ("LabelFrame", "Canvas", "Scale", "Scrollbar", "Listbox", "Menu", "Menubutton", "Message", "Spinbox", "OptionMenu",
              "PanedWindow", "Event"):
    globals()[_name] = type(_name, (Widget,), {})
for _name in ("N", "S", "E", "W", "NE", "NW", "SE", "SW", "NSEW", "NS", "EW", "X", "Y", "BOTH", "LEFT", "RIGHT", "TOP", "BOTTOM",
              "CENTER", "END", "INSERT", "NORMAL", "DISABLED", "ACTIVE", "HORIZONTAL", "VERTICAL", "RAISED", "SUNKEN", "FLAT",
              "RIDGE", "GROOVE", "SOLID", "WORD", "NONE", "ALL", "YES", "NO", "TRUE", "FALSE", "CHAR", "ANCHOR", "HIDDEN"):
    globals()[_name] = _name.lower()


def Tcl(*_, **__):
    return Tk()


__all__ = [_name for _name in list(globals()) if not _name.startswith("_") and _name not in (
    "heapq", "itertools", "sys", "threading", "time", "traceback", "types", "submodule")]


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return name.lower() if name.isupper() else Widget
