// The entry module of every page. Each module listens on the document, so content that htmx
// brings in later works without being set up again.
import "./autoplay.js";
import "./busy.js";
import "./copy.js";
import "./counter.js";
import "./dialog.js";
import "./guard.js";
import "./menu.js";
import "./preview.js";
import "./shortcuts.js";
import "./slider.js";
import "./tabs.js";
import "./theme.js";
import "./toast.js";
import "./zone.js";
