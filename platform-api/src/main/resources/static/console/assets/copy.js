// Copies the value of the field a button names; without a clipboard (plain http) it selects it instead.

document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copies]");
    if (button === null) {
        return;
    }
    const field = document.getElementById(button.dataset.copies);
    field.select();
    const label = button.textContent;
    button.textContent = (await copied(field.value)) ? "Copied" : "Press Ctrl+C";
    setTimeout(() => (button.textContent = label), 1600);
});

async function copied(text) {
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch {
        return document.execCommand("copy");
    }
}
