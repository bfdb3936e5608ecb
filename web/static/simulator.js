'use strict';

// The handsets work without this file, by forms and reloads. With it they change
// by themselves, and what somebody is typing stays.

const table = document.getElementById('handsets');
const still = window.matchMedia('(prefers-reduced-motion: reduce)');

// Choosing a ride shows its phones at once.
const choose = document.getElementById('choose-ride');
if (choose) {
	choose.querySelector('button').remove();
	choose.addEventListener('change', () => choose.submit());
}

// refresh brings the phones up to date.
const refresh = coalesced(() => load(table.dataset.query));

if (table) {
	follow('/simulator/events', refresh);
	window.addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });
	// A call that nobody answers ends without an event.
	setInterval(refresh, 30_000);
	type();
}

let shown = table?.dataset.query; // the choice that the phones show
let asked = 0;
let answered = 0;

async function load(query) {
	const turn = ++asked;
	const response = await fetchFresh('/simulator/phones?' + query, { 'Accept': 'text/html' });
	if (!response) return;
	const fresh = document.createElement('template');
	fresh.innerHTML = await response.text();
	// Another thread was chosen meanwhile, or a later answer overtook this one.
	if (query !== table.dataset.query || turn < answered) return;
	answered = turn;
	const focused = document.activeElement;
	const phone = focused?.closest('.handset');
	for (const part of fresh.content.querySelectorAll('[data-live]')) {
		const old = document.getElementById(part.id);
		if (old && old.innerHTML !== part.innerHTML) old.innerHTML = part.innerHTML;
	}
	for (const list of fresh.content.querySelectorAll('[data-list]')) mergeList(document.getElementById(list.id), list, query === shown);
	shown = query;
	if (phone && !phone.contains(document.activeElement)) {
		// The button in use was replaced, or is gone: go on at what follows it.
		[document.getElementById(focused.id), phone.querySelector('.handset-hangup'), phone.querySelector('.handset-dial')]
			.find((button) => button && !button.disabled)?.focus();
	}
	light([...fresh.content.querySelectorAll('#steps > li')]);
}

// mergeList makes old show fresh, leaving alone what is there already: readers of
// the screen hear only what is new, and only that moves: nothing does when another
// thread was chosen.
function mergeList(old, fresh, moving) {
	const items = [...fresh.children];
	const keep = new Set(items.map((item) => item.id));
	for (const item of [...old.children]) if (!keep.has(item.id)) item.remove();
	items.forEach((item, i) => {
		const known = document.getElementById(item.id);
		if (known && known.innerHTML !== item.innerHTML) known.innerHTML = item.innerHTML;
		if (old.children[i] !== (known ?? item)) old.insertBefore(known ?? item, old.children[i] ?? null);
		if (known || !moving) return;
		item.classList.add('arrived');
		if (item.matches('.text-in')) pass(old.id === 'left-texts' ? 'left' : 'right');
	});
}

// pass shows that a text came through BirdCar to a side.
function pass(side) {
	const between = document.getElementById('between');
	delete between.dataset.pass;
	void between.offsetWidth; // or the browser would not begin the movement again
	between.dataset.pass = side;
}

// The steps light one after another, slowly enough to follow.
const pause = 260;
let wanted = [];
let timer = 0;

function light(steps) {
	wanted = steps;
	for (const step of wanted) if (step.dataset.state === 'to-come') show(step);
	if (!timer) next();
}

function next() {
	timer = 0;
	for (const step of wanted) {
		if (!show(step)) continue;
		if (still.matches) continue;
		timer = setTimeout(next, pause);
		return;
	}
}

function show(step) {
	const shown = document.getElementById(step.id);
	if (shown.dataset.state === step.dataset.state && shown.innerHTML === step.innerHTML) return false;
	shown.dataset.state = step.dataset.state;
	shown.innerHTML = step.innerHTML;
	return true;
}

function type() {
	table.addEventListener('keydown', (event) => {
		if (event.key !== 'Enter' || event.shiftKey || event.isComposing || !event.target.matches('textarea')) return;
		event.preventDefault();
		event.target.form.requestSubmit();
	});
	table.addEventListener('input', (event) => grow(event.target));
	table.addEventListener('submit', (event) => {
		event.preventDefault();
		send(event.target);
	});
	table.addEventListener('click', (event) => {
		const tab = event.target.closest('.handset-threads a');
		if (!tab || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
		event.preventDefault();
		table.dataset.query = new URL(tab.href).search.slice(1);
		history.replaceState(null, '', tab.href);
		refresh();
	});
}

// A text box is as high as its text; the style sheet sets the limits.
function grow(box) {
	if (!box.matches('textarea')) return;
	box.rows = Math.min(5, box.value.split('\n').length + Math.floor(box.value.length / 34));
}

// send posts a form of the phones. A draft goes only once the server took it.
async function send(form) {
	const box = form.querySelector('textarea');
	const text = box?.value;
	if (box && !text.trim()) return;
	if (form.dataset.busy) return;
	form.dataset.busy = 'yes';
	try {
		const response = await fetch(form.action, {
			method: 'POST',
			body: new URLSearchParams(new FormData(form)),
			redirect: 'manual',
		});
		const problem = response.status === 422 && await problemOf(response);
		if (problem) {
			say(form, problem);
			return;
		}
		if (response.type !== 'opaqueredirect') throw new Error('not taken');
		await load(table.dataset.query);
		say(form, '');
		if (box && box.value === text && !out) {
			box.value = '';
			grow(box);
		}
	} catch {
		say(form, 'BirdCar did not answer. Try again in a moment.');
	} finally {
		delete form.dataset.busy;
	}
}

// problemOf is what the page that refuses a form says about it.
async function problemOf(response) {
	const page = new DOMParser().parseFromString(await response.text(), 'text/html');
	return page.querySelector('[role="alert"]')?.textContent.trim();
}

// say tells on a form's phone, and to readers of the screen, why it was refused. No load touches that place.
function say(form, words) {
	const place = form.closest('.handset').querySelector('.problem');
	place.hidden = !words;
	place.textContent = words;
	if (words) document.getElementById('announcer').textContent = words;
}
