// A job's page: the curve and the messages grow, the figures follow, and the rest of the page is fetched again when
// something about the job has changed that only the server can render.

import { Curve } from "./curve.js";
import { EventList } from "./events.js";
import { ask, repeat } from "./live.js";
import { refreshParts } from "./parts.js";

const page = document.getElementById("job");
const curve = new Curve(document.getElementById("plot"), document.getElementById("readout"));
const events = new EventList(document.getElementById("events"));
let shape = page.dataset.shape;
let attempt = null;

async function look() {
    const cursor = `afterStep=${curve.series.lastStep}&afterEvent=${events.cursor}`;
    const now = await (await ask(`${page.dataset.live}?${cursor}`, "application/json")).json();
    if (attempt !== null && attempt !== now.attempt) {
        // The new attempt takes the steps after its checkpoint again.
        attempt = now.attempt;
        curve.clear();
        return look();
    }
    attempt = now.attempt;
    const added = curve.add(now.points);
    events.add(now.events);
    for (const place of document.querySelectorAll("[data-live-text]")) {
        place.textContent = now.texts[place.dataset.liveText] ?? "";
    }
    for (const bar of document.querySelectorAll("progress[data-live-bar]")) {
        bar.value = now.percent;
    }
    if (now.shape !== shape) {
        await refreshParts();
        shape = now.shape;
    }
    // A job that has ended may still have steps to fetch.
    return now.open || (added > 0 && now.more);
}

document.getElementById("smoothing").addEventListener("input", (event) => curve.smooth(Number(event.target.value)));
for (const box of document.querySelectorAll("input[data-series]")) {
    box.addEventListener("change", () => curve.show(box.dataset.series, box.checked));
    curve.shown[box.dataset.series] = box.checked;
}
curve.smoothing = Number(document.getElementById("smoothing").value);

look().then(
    (more) => more && repeat(look, 1000),
    () => repeat(look, 1000),
);
