// The points of a curve: the thinned past as the server sends it, then every step; when they become too many,
// neighbours are merged here too. A point keeps the lowest, highest and mean loss of its steps.

const MOST = 4000;

export class Series {
    constructor() {
        this.points = [];
    }

    clear() {
        this.points = [];
    }

    get lastStep() {
        return this.points.length === 0 ? 0 : this.points[this.points.length - 1].step;
    }

    // Takes the server's columns; answers how many points were new.
    add(columns) {
        let added = 0;
        for (let i = 0; i < columns.step.length; i++) {
            if (columns.step[i] > this.lastStep) {
                this.points.push({
                    step: columns.step[i],
                    low: columns.low[i],
                    high: columns.high[i],
                    mean: columns.mean[i],
                    rate: columns.learning_rate[i],
                    norm: columns.grad_norm[i],
                    held: columns.valid_loss[i],
                });
                added += 1;
            }
        }
        if (this.points.length > MOST) {
            this.points = halved(this.points);
        }
        return added;
    }

    column(name) {
        return this.points.map((point) => point[name]);
    }

    // Exponential moving average of the mean loss, corrected for its start at zero, so that the first values are not
    // drawn too low.
    smoothed(weight) {
        let average = 0;
        let share = 0;
        return this.points.map((point) => {
            if (point.mean === null) {
                return null;
            }
            average = weight * average + (1 - weight) * point.mean;
            share = weight * share + (1 - weight);
            return average / share;
        });
    }
}

function halved(points) {
    const merged = [];
    for (let i = 0; i + 1 < points.length; i += 2) {
        merged.push(both(points[i], points[i + 1]));
    }
    if (points.length % 2 === 1) {
        merged.push(points[points.length - 1]);
    }
    return merged;
}

function both(a, b) {
    return {
        step: b.step,
        low: pick(Math.min, a.low, b.low),
        high: pick(Math.max, a.high, b.high),
        mean: pick((x, y) => (x + y) / 2, a.mean, b.mean),
        rate: b.rate,
        norm: pick(Math.max, a.norm, b.norm),
        held: b.held ?? a.held,
    };
}

function pick(of, a, b) {
    if (a === null || b === null) {
        return a ?? b;
    }
    return of(a, b);
}
