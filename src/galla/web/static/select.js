// What a form proposes in the field that has the focus is selected: who types, replaces it.
"use strict";

document.querySelector("input[autofocus][value]")?.select();
