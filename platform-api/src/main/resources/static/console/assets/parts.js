// Brings the marked parts of the page to what the server renders now, touching only what differs, so that focus,
// selection and opened panels stay.

import { ask } from "./live.js";

export async function refreshParts() {
    const answer = await ask(location.pathname + location.search, "text/html");
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-part]")) {
        const now = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
        if (now !== null) {
            become(part, now);
        }
    }
}

function become(node, now) {
    if (node.nodeType !== now.nodeType || node.nodeName !== now.nodeName || key(node) !== key(now)) {
        node.replaceWith(document.importNode(now, true));
    } else if (node.nodeType === Node.ELEMENT_NODE) {
        attributes(node, now);
        children(node, now);
    } else if (node.nodeValue !== now.nodeValue) {
        node.nodeValue = now.nodeValue;
    }
}

function key(node) {
    return node.id ?? "";
}

function attributes(node, now) {
    for (const { name, value } of now.attributes) {
        if (node.getAttribute(name) !== value) {
            node.setAttribute(name, value);
        }
    }
    for (const { name } of [...node.attributes]) {
        // Whether a panel is open is the reader's, not the server's.
        if (!now.hasAttribute(name) && name !== "open") {
            node.removeAttribute(name);
        }
    }
}

function children(node, now) {
    const wanted = [...now.childNodes];
    for (let i = 0; i < wanted.length; i++) {
        const here = node.childNodes[i];
        const known = keyed(node, wanted[i]);
        if (known !== null && known !== here) {
            node.insertBefore(known, here ?? null);
            become(known, wanted[i]);
        } else if (here === undefined) {
            node.append(document.importNode(wanted[i], true));
        } else if (key(here) !== key(wanted[i]) && keyed(now, here) !== null) {
            node.insertBefore(document.importNode(wanted[i], true), here);
        } else {
            become(here, wanted[i]);
        }
    }
    while (node.childNodes.length > wanted.length) {
        node.lastChild.remove();
    }
}

// The child of a parent that has the same id as a node.
function keyed(parent, node) {
    const id = key(node);
    return id === "" ? null : ([...parent.children].find((child) => child.id === id) ?? null);
}
