// The loss curve: each step faint, its spread where steps were merged, and the average on top; on a wish the learning
// rate and the gradient norm on axes of their own.

import { Series } from "./series.js";

const LOW = 2;
const HIGH = 1;

export class Curve {
    constructor(place, readout) {
        this.place = place;
        this.readout = readout;
        this.series = new Series();
        this.smoothing = 0.9;
        this.shown = { rate: false, norm: false };
        this.plot = null;
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.rebuild());
        new ResizeObserver(() => this.fit()).observe(place);
    }

    // Takes the server's columns; answers how many points were new.
    add(columns) {
        const added = this.series.add(columns);
        if (added > 0) {
            this.draw();
        }
        return added;
    }

    clear() {
        this.series.clear();
        this.plot?.destroy();
        this.plot = null;
        this.place.classList.remove("drawn");
        this.readout.replaceChildren();
    }

    smooth(weight) {
        this.smoothing = weight;
        this.draw();
    }

    show(name, shown) {
        this.shown[name] = shown;
        this.rebuild();
    }

    draw() {
        if (this.series.points.length === 0) {
            return;
        }
        if (this.plot === null) {
            this.plot = new uPlot(this.options(), this.data(), this.place);
            this.place.classList.add("drawn");
        } else {
            this.plot.setData(this.data());
        }
        this.place.dataset.points = String(this.plot.data[0].length);
        this.read(null);
    }

    rebuild() {
        this.plot?.destroy();
        this.plot = null;
        this.draw();
    }

    fit() {
        this.plot?.setSize(this.size());
    }

    size() {
        return { width: this.place.clientWidth, height: this.place.clientHeight };
    }

    data() {
        const of = (name) => this.series.column(name);
        return [
            of("step"),
            of("high"),
            of("low"),
            of("mean"),
            this.series.smoothed(this.smoothing),
            of("held"),
            of("rate"),
            of("norm"),
        ];
    }

    options() {
        const colors = getComputedStyle(document.documentElement);
        const color = (name) => colors.getPropertyValue(name).trim();
        const line = (label, name, width, more) => ({ label, stroke: color(name), width, points: { show: false }, ...more });
        const axis = (more) => ({
            stroke: color("--quiet"),
            font: "12px system-ui, sans-serif",
            grid: { stroke: color("--line-soft"), width: 1 },
            ticks: { stroke: color("--line"), width: 1, size: 5 },
            ...more,
        });
        const own = (name, scale, side) =>
            axis({ scale, side, size: 62, stroke: color(name), grid: { show: false }, values: (_, ticks) => ticks.map(compact) });
        return {
            ...this.size(),
            padding: [10, this.shown.rate || this.shown.norm ? 0 : 24, 0, 0],
            legend: { show: false },
            cursor: { y: false, points: { size: 7 } },
            scales: { x: { time: false }, loss: { range: range }, rate: { range: [0, null] }, norm: { range: [0, null] } },
            series: [
                {},
                line("high", "--curve-band", 0, { scale: "loss" }),
                line("low", "--curve-band", 0, { scale: "loss" }),
                line("loss", "--curve-raw", 1, { scale: "loss" }),
                line("average", "--curve", 2, { scale: "loss", spanGaps: true }),
                line("held out", "--curve-held", 0, { scale: "loss", points: { show: true, size: 8, fill: color("--curve-held") } }),
                line("learning rate", "--curve-rate", 1.4, { scale: "rate", show: this.shown.rate }),
                line("gradient norm", "--curve-norm", 1.2, { scale: "norm", show: this.shown.norm }),
            ],
            bands: [{ series: [HIGH, LOW], fill: color("--curve-band") }],
            axes: [
                axis({ size: 34, space: 70, incrs: STEPS }),
                axis({ scale: "loss", size: 52, values: (_, ticks) => ticks.map(compact) }),
                { ...own("--curve-rate", "rate", 1), show: this.shown.rate },
                { ...own("--curve-norm", "norm", 1), show: this.shown.norm },
            ],
            hooks: { setCursor: [(plot) => this.read(plot.cursor.idx ?? null)] },
        };
    }

    // Says the figures under the cursor, or the newest.
    read(index) {
        const data = this.plot?.data;
        if (data === undefined) {
            return;
        }
        const at = index ?? data[0].length - 1;
        const entries = [
            ["", "step", data[0][at].toLocaleString("en")],
            ["raw", "loss", figure(data[3][at])],
            ["", "average", figure(data[4][at])],
        ];
        if (data[5][at] !== null) {
            entries.push(["held", "held out", figure(data[5][at])]);
        }
        if (this.shown.rate) {
            entries.push(["rate", "learning rate", compact(data[6][at])]);
        }
        if (this.shown.norm) {
            entries.push(["norm", "gradient norm", figure(data[7][at])]);
        }
        this.readout.replaceChildren(...entries.map(([key, name, value], i) => entry(i === 0 ? null : key, name, value)));
    }
}

const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6];

// A little room above and below; a flat line stays in the middle.
function range(_, low, high) {
    if (low === null || high === null) {
        return [0, 1];
    }
    const room = high > low ? (high - low) * 0.06 : Math.max(Math.abs(high) * 0.1, 0.1);
    return [low >= 0 ? Math.max(0, low - room) : low - room, high + room];
}

function entry(key, name, value) {
    const span = document.createElement("span");
    if (key !== null) {
        span.className = `key ${key}`;
    }
    const strong = document.createElement("b");
    strong.textContent = value;
    span.append(`${name} `, strong);
    return span;
}

function figure(value) {
    return value === null || value === undefined ? "not finite" : value.toFixed(4);
}

function compact(value) {
    if (value === null || value === undefined) {
        return "";
    }
    if (value !== 0 && Math.abs(value) < 0.001) {
        return value.toExponential(2).replace(/\.?0+e/, "e");
    }
    return String(Number(value.toPrecision(4)));
}
