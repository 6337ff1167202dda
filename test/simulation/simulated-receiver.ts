/** Somebody who is told of notices, slow and sometimes not there: no case may be delayed or failed by that. */
import type { Receiver } from '../../adapters/ports.js';
import { random } from './seed.js';
import type { World } from './world.js';

export function simulatedReceiver({ timeline }: World): Receiver {
  // Dice of its own: whether people can be told changes nothing in the world.
  const dice = random(timeline.now());
  return {
    name: 'notices[0] (webhook)',
    minSeverity: 'warning',
    send: async (_notice, call) => {
      await timeline.wait(dice.chance(0.2) ? 10_000 : dice.int(20, 800), call.signal);
      return dice.chance(0.3)
        ? { is: 'refused', because: 'notices[0] (webhook) answered HTTP 503', again: true }
        : { is: 'taken' };
    },
  };
}
