import { pause } from './bounded-call.js';
import type { Clock } from './ports.js';

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => pause(ms, signal),
};
