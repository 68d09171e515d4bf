// The methods of numbers, dates, strings and arrays that speak a language: they load `Intl` when they are first called.
'use strict';

const intl = () => {
  if (internals.intl === undefined) internals.load('intl');
  return internals.intl;
};
const patch = (prototype, methods) => {
  for (const name of Object.getOwnPropertyNames(methods)) {
    Object.defineProperty(prototype, name, { configurable: true, enumerable: false, writable: true, value: methods[name] });
  }
};

patch(Date.prototype, {
  toLocaleString(locales = undefined, options = undefined) {
    return intl().dateText(this, locales, options, 'any', 'all');
  },
  toLocaleDateString(locales = undefined, options = undefined) {
    return intl().dateText(this, locales, options, 'date', 'date');
  },
  toLocaleTimeString(locales = undefined, options = undefined) {
    return intl().dateText(this, locales, options, 'time', 'time');
  },
});
const numberValueOf = Number.prototype.valueOf;
patch(Number.prototype, {
  toLocaleString(locales = undefined, options = undefined) {
    return intl().numberText(numberValueOf.call(this), locales, options);
  },
});
const bigintValueOf = BigInt.prototype.valueOf;
patch(BigInt.prototype, {
  toLocaleString(locales = undefined, options = undefined) {
    return intl().numberText(bigintValueOf.call(this), locales, options);
  },
});
const textOf = (value, method) => {
  if (value === undefined || value === null) {
    throw new TypeError(`String.prototype.${method} called on null or undefined`);
  }
  return String(value);
};
patch(String.prototype, {
  localeCompare(that, locales = undefined, options = undefined) {
    return intl().compareTexts(textOf(this, 'localeCompare'), String(that), locales, options);
  },
  toLocaleUpperCase(locales = undefined) {
    return intl().changeCase(textOf(this, 'toLocaleUpperCase'), true, locales);
  },
  toLocaleLowerCase(locales = undefined) {
    return intl().changeCase(textOf(this, 'toLocaleLowerCase'), false, locales);
  },
});
const elements = {
  toLocaleString(locales = undefined, options = undefined) {
    const texts = [];
    for (let index = 0; index < this.length; index++) {
      const element = this[index];
      texts.push(element === undefined || element === null ? '' : String(element.toLocaleString(locales, options)));
    }
    return texts.join(',');
  },
};
patch(Array.prototype, elements);
patch(Object.getPrototypeOf(Uint8Array.prototype), elements);
