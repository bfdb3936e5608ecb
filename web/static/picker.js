'use strict';

// Of many people, a drop-down lists those whom a search finds: while somebody
// types, without the button.
for (const button of document.querySelectorAll('[data-picker] button')) button.remove();

let pause = 0;

document.addEventListener('input', (event) => {
	const picker = event.target.closest('[data-picker]');
	if (!picker || event.target.type !== 'search') return;
	clearTimeout(pause);
	pause = setTimeout(find, 150, picker);
});

// Enter in the search means the search, and not the form.
document.addEventListener('keydown', (event) => {
	const picker = event.target.closest('[data-picker]');
	if (event.key !== 'Enter' || !picker || event.target.type !== 'search') return;
	event.preventDefault();
	find(picker);
});

async function find(picker) {
	const mine = picker.dataset.latest = crypto.getRandomValues(new Uint32Array(1)).join();
	const list = picker.querySelector('select');
	const query = new URLSearchParams({ q: picker.querySelector('input').value, chosen: list.value });
	const answer = await fetch(picker.dataset.picker + '?' + query);
	if (!answer.ok || answer.redirected || mine !== picker.dataset.latest) return;
	list.innerHTML = await answer.text();
	const found = [...list.options].filter((option) => option.value);
	if (found.length === 1) list.value = found[0].value;
	document.getElementById('announcer').textContent = list.options[0].textContent;
}
