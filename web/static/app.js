'use strict';

// Every page works without this file; it makes four things better.

// A copy button puts its whole number on the clipboard and says so.
function showCopying() {
	for (const button of document.querySelectorAll('[data-copy]')) button.hidden = false;
}
showCopying();

// Its word alone changes: what only screen readers hear of it and the focus stay.
const copied = new Set();

document.addEventListener('click', async (event) => {
	const button = event.target.closest('[data-copy]');
	if (!button || copied.has(button)) return;
	copied.add(button);
	const done = await copy(button.dataset.copy);
	const label = button.firstChild;
	const word = label.data;
	label.data = done ? 'Copied' : 'Copying is blocked';
	document.getElementById('announcer').textContent = done ? 'Copied.' : 'The browser does not allow copying.';
	setTimeout(() => { label.data = word; copied.delete(button); }, 1500);
});

async function copy(text) {
	try {
		await navigator.clipboard.writeText(text);
		return true;
	} catch {
		// Browsers offer navigator.clipboard over https and on localhost only.
		const focused = document.activeElement;
		const area = document.createElement('textarea');
		area.value = text;
		area.className = 'unseen';
		document.body.append(area);
		area.select();
		const done = document.execCommand('copy');
		area.remove();
		focused?.focus();
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
	// Whoever stopped it is still here, and no event says so.
	setTimeout(release, 10_000, form);
});

// Back in a page that the browser kept, its forms can be sent again.
window.addEventListener('pageshow', (event) => {
	if (event.persisted) document.querySelectorAll('form[data-sent]').forEach(release);
});

function release(form) {
	if (!form.dataset.sent) return;
	delete form.dataset.sent;
	for (const button of form.querySelectorAll('button')) button.disabled = false;
}

// follow calls refresh each time the server says at address that something changed,
// and when it is connected, which catches up on what was missed. Only a page in sight
// is connected: browsers grant a site few connections, and a hidden page costs nothing.
function follow(address, refresh) {
	let events;
	const leave = () => {
		events?.close();
		events = undefined;
		if (!stale.textContent) heard(); // a hidden page waits for nothing
	};
	const connect = () => {
		if (events || document.hidden) return;
		awaitAnswer();
		events = new EventSource(address);
		events.addEventListener('open', refresh);
		events.addEventListener('changed', refresh);
		events.addEventListener('error', () => {
			awaitAnswer();
			// The browser connects again by itself, but not after a refusal.
			if (events?.readyState !== EventSource.CLOSED) return;
			leave();
			refresh();
			setTimeout(connect, 5000);
		});
	};
	document.addEventListener('visibilitychange', () => { if (document.hidden) leave(); else connect(); });
	window.addEventListener('pagehide', leave);
	window.addEventListener('pageshow', connect);
	connect();
}

// A live page says when it stopped being so: once an answer is some seconds late, and
// until one came in. A load that failed is tried again.
const late = 5000;
const stale = document.getElementById('stale');
let overdue = 0;

function awaitAnswer() {
	if (overdue || out) return;
	const since = new Date().toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: stale.dataset.zone || undefined });
	overdue = setTimeout(() => {
		stale.textContent = `BirdCar has not answered since ${since}. What you see may be old; it catches up by itself.`;
	}, late);
}

function heard() {
	clearTimeout(overdue);
	overdue = 0;
	if (stale.textContent && !out) stale.textContent = '';
}

// A session that ended leads to the login page, with the reason. But what somebody has typed stays until it
// can be sent: once they signed in elsewhere, the page catches up.
let out = false;

function signedOut(login) {
	out = [...document.querySelectorAll('form[method="post"] :is(input, select, textarea)')].some(edited);
	if (out) {
		clearTimeout(overdue);
		overdue = 0;
		stale.textContent = 'You are signed out. Sign in in another tab, then send this.';
		return;
	}
	const to = new URL(login);
	to.searchParams.set('ended', 'idle');
	to.searchParams.set('next', location.pathname + location.search);
	location.assign(to);
}

// edited reports whether a field holds something else than the page came with.
function edited(field) {
	if (field.matches('select')) return field.value !== (field.querySelector('[selected]') ?? field.options[0])?.value;
	return field.value !== field.defaultValue || field.checked !== field.defaultChecked;
}

// coalesced makes any number of calls while one is at work into one more.
function coalesced(work) {
	let busy = false;
	let again = false;
	let retry = 0;
	const run = async () => {
		clearTimeout(retry);
		awaitAnswer();
		again = true;
		if (busy) return;
		busy = true;
		try {
			while (again) {
				again = false;
				await work();
			}
			heard();
		} catch {
			retry = setTimeout(() => { if (!document.hidden) run(); }, late);
		} finally {
			busy = false;
		}
	};
	return run;
}

// fetchFresh asks for what the page shows as it is now; null: the page is left, or shall wait for its session.
async function fetchFresh(address, headers) {
	const response = await fetch(address, { headers });
	if (response.redirected) {
		signedOut(response.url);
		return null;
	}
	if (response.status === 404) {
		location.reload(); // what the page showed is gone
		return null;
	}
	out = false;
	if (!response.ok) throw new Error(response.statusText);
	return response;
}

async function loadParts() {
	const response = await fetchFresh(location.href, { 'X-Live': '1' });
	if (!response) return;
	const fresh = new DOMParser().parseFromString(await response.text(), 'text/html');
	if (document.querySelector('form[data-sent]')) return; // the page is about to be left
	for (const part of document.querySelectorAll('[data-live]')) {
		const now = fresh.getElementById(part.id);
		if (!now) continue;
		const held = part.contains(document.activeElement);
		merge(part, document.importNode(now, true));
		if (held && document.activeElement === document.body) part.closest('[tabindex], main').focus({ preventScroll: true });
	}
	showCopying();
}

// merge makes old like fresh and leaves alone what is the same, so that the focus, a
// selection and what was unfolded stay. Children with an id keep it wherever they move.
function merge(old, fresh) {
	if (old.nodeType !== Node.ELEMENT_NODE) {
		if (old.data !== fresh.data) old.data = fresh.data;
		return;
	}
	const mine = (name) => name === 'open' || name === 'hidden' && old.matches('[data-copy]');
	for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && !mine(name)) old.removeAttribute(name);
	for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value && !mine(name)) old.setAttribute(name, value);
	const named = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
	let next = old.firstChild;
	for (const child of [...fresh.childNodes]) {
		const like = next && !next.id && !child.id && next.nodeName === child.nodeName;
		const known = child.id ? named.get(child.id) : like ? next : undefined;
		if (known === next && known) next = next.nextSibling;
		else old.insertBefore(known ?? child, next);
		if (known) merge(known, child);
	}
	while (next) {
		const gone = next;
		next = next.nextSibling;
		gone.remove();
	}
}

// Parts marked data-live keep up with the server: when it says that something
// changed, the page is loaded again behind the scenes and its parts are brought up to date.
if (document.body.dataset.events) {
	const refresh = coalesced(loadParts);
	follow(document.body.dataset.events, refresh);
	// Words like "5 minutes ago" grow old by themselves.
	if (document.querySelector('main [data-live]')) setInterval(() => { if (!document.hidden) refresh(); }, 60_000);
}

// Keys: / searches, n begins a ride, ? shows them. Never while somebody types.
const keys = document.getElementById('keys');
document.addEventListener('keydown', (event) => {
	if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !keys) return;
	if (event.target.closest('input, select, textarea, [contenteditable], dialog[open]')) return;
	switch (event.key) {
	case '/': {
		const search = document.querySelector('[role="search"] input[type="search"]');
		if (search) search.focus();
		else location.assign('/rides#q');
		break;
	}
	case 'n': {
		const form = document.getElementById('new-ride');
		if (form) firstControl(form)?.focus();
		else location.assign('/#new-ride');
		break;
	}
	case '?':
		keys.showModal();
		break;
	default:
		return;
	}
	event.preventDefault();
});

function firstControl(part) {
	return part.querySelector('input:not([type="hidden"]), select, a');
}

// What an address names with # is ready to be typed into.
function focusNamed() {
	const named = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
	if (!named || document.querySelector('[autofocus]')) return;
	if (named.matches('input')) named.focus();
	else if (named.id === 'new-ride') firstControl(named)?.focus();
}
window.addEventListener('hashchange', focusNamed);
// Once the browser has gone to the place itself, which takes the focus away.
window.addEventListener('load', () => requestAnimationFrame(() => setTimeout(focusNamed)));

const keysButton = document.getElementById('show-keys');
if (keysButton) {
	keysButton.hidden = false;
	keysButton.addEventListener('click', () => keys.showModal());
}
