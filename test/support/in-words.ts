import type { Next } from '../../domain/next.js';

/** What is decided, with what it is about. */
export function inWords(next: Next): string {
  switch (next.do) {
    case 'restore':
    case 'readState':
    case 'checkOffsets':
      return `${next.do} ${next.point.path.split('/').at(-1)}`;
    case 'fail':
    case 'abort':
      return `${next.do} ${next.fault.code}`;
    case 'ask':
      return `ask ${next.plan.about}`;
    case 'leave':
      return `leave: ${next.outcome}`;
    case 'await':
      return `await ${next.for ?? 'a time'}`;
    default:
      return next.do;
  }
}
