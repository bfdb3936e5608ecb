'use strict';

// Every page works without this file; it makes three things better.

// A copy button puts its whole number on the clipboard and says so.
for (const button of document.querySelectorAll('[data-copy]')) button.hidden = false;

document.addEventListener('click', async (event) => {
	const button = event.target.closest('[data-copy]');
	if (!button) return;
	const done = await copy(button.dataset.copy);
	const label = button.textContent;
	button.textContent = done ? 'Copied' : 'Copying is blocked';
	button.disabled = true;
	document.getElementById('announcer').textContent = done ? 'Copied.' : 'The browser does not allow copying.';
	setTimeout(() => { button.textContent = label; button.disabled = false; }, 1500);
});

async function copy(text) {
	try {
		await navigator.clipboard.writeText(text);
		return true;
	} catch {
		// Browsers offer navigator.clipboard over https and on localhost only.
		const area = document.createElement('textarea');
		area.value = text;
		area.className = 'unseen';
		document.body.append(area);
		area.select();
		const done = document.execCommand('copy');
		area.remove();
		return done;
	}
}

// A form with data-confirm asks first, and no form is sent twice by a double click.
document.addEventListener('submit', (event) => {
	const form = event.target;
	if (event.defaultPrevented || form.method !== 'post') return;
	if (form.dataset.confirm && !window.confirm(form.dataset.confirm)) {
		event.preventDefault();
		return;
	}
	if (form.dataset.sent) {
		event.preventDefault();
		return;
	}
	form.dataset.sent = 'yes';
	// The button's own value is part of what is sent, so it is disabled afterwards.
	setTimeout(() => {
		if (event.defaultPrevented) delete form.dataset.sent; // a page's own script took it
		else for (const button of form.querySelectorAll('button')) button.disabled = true;
	});
});

// Back in a page that the browser kept, its forms can be sent again.
window.addEventListener('pageshow', (event) => {
	if (!event.persisted) return;
	for (const form of document.querySelectorAll('form[data-sent]')) {
		delete form.dataset.sent;
		for (const button of form.querySelectorAll('button')) button.disabled = false;
	}
});
