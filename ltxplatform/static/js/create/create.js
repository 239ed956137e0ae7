// The create page: picture, prompt, lengths and the form that stays ready.
import "./form.js";
import "./length.js";
import "./live.js";
import "./loras.js";
import "./picture.js";
import "./prompt.js";
import "./quality.js";
