// Repeats a task once a period while its page is seen, less often while it is hidden, and ever less often while the
// server does not answer. The task answers false when nothing will change any more.

const SLOWEST = 30_000;

export function repeat(task, period) {
    let failures = 0;
    let timer = 0;
    let running = false;

    async function turn() {
        if (running) {
            return;
        }
        running = true;
        let more = true;
        try {
            more = await task();
            failures = 0;
        } catch (error) {
            failures += 1;
        } finally {
            running = false;
        }
        showStale(failures > 2);
        if (more !== false) {
            timer = setTimeout(turn, pause());
        }
    }

    function pause() {
        const rested = document.hidden ? 10 * period : period;
        return Math.min(SLOWEST, rested * 2 ** Math.min(failures, 5));
    }

    document.addEventListener("visibilitychange", () => {
        if (!document.hidden && timer !== 0 && !running) {
            clearTimeout(timer);
            turn();
        }
    });
    timer = setTimeout(turn, period);
}

function showStale(stale) {
    const note = document.getElementById("stale");
    if (note !== null) {
        note.hidden = !stale;
    }
}

// Fetches from this server; where the session has ended, the page goes where a person can sign in again.
export async function ask(address, accept) {
    const answer = await fetch(address, { headers: { Accept: accept }, credentials: "same-origin" });
    if (answer.status === 401 || answer.redirected) {
        location.reload();
        throw new Error("signed out");
    }
    if (!answer.ok) {
        throw new Error(`status ${answer.status}`);
    }
    return answer;
}
