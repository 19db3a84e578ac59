// What the pages of a report and of the server use.  Text from data goes into text nodes only, never into markup.
"use strict";

const byId = (id) => document.getElementById(id);

/** An element; children are elements, or anything else as text. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return element;
}
