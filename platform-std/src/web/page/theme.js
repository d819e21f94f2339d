'use strict';

// The theme, before anything is drawn.
const THEMES = { auto: '◐ Auto', light: '☀ Light', dark: '☾ Dark' };

function storedTheme() {
  try {
    const theme = localStorage.getItem('theme');
    return Object.hasOwn(THEMES, theme) ? theme : 'auto';
  } catch {
    return 'auto';
  }
}

let theme = storedTheme();
document.documentElement.dataset.theme = theme;
