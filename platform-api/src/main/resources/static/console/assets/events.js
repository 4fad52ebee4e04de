// A job's messages, newest first.

const MOST = 1000;

export class EventList {
    constructor(list) {
        this.list = list;
        this.cursor = Number(list.dataset.cursor);
    }

    // Newest first, as the server sends them.
    add(events) {
        for (const event of [...events].reverse()) {
            if (event.sequence > this.cursor) {
                this.cursor = event.sequence;
                this.list.prepend(line(event));
            }
        }
        while (this.list.children.length > MOST) {
            this.list.lastElementChild.remove();
        }
        document.getElementById("no-events")?.toggleAttribute("hidden", this.list.children.length > 0);
    }
}

function line(event) {
    const item = document.createElement("li");
    item.className = `${event.level} fresh`;
    const time = document.createElement("time");
    time.dateTime = event.at;
    time.title = event.at;
    time.textContent = event.clock;
    const message = document.createElement("p");
    message.textContent = event.message;
    item.append(time, message);
    return item;
}
