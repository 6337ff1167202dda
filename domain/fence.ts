/** Is the old run proved dead? (design, 4.3). Nothing is submitted before that. */
import { fault, type Fault } from './failure.js';
import { situationOf, type Assessment } from './situation.js';
import { provedDead, type Stillness } from './witness.js';

/**
 * Null: the fence holds. Otherwise what speaks against a submission now.
 * @param consented a person has said that a job that vanished unseen is to be restored.
 * @param still how long what the old run leaves behind has stood still; null: nobody has looked at it before.
 */
export function fence(a: Assessment, consented: boolean, still: Stillness | null): Fault | null {
  const situation = situationOf(a);
  if (situation.is === 'unknown') return situation.fault;
  if (situation.is !== 'abandoned' && !(consented && situation.is === 'vanished')) {
    return fault(
      'FlinkRestarting',
      `expected nobody but Holdfast to bring the job back, found: ${situation.because}`,
    );
  }
  const proof = provedDead(still, a);
  return proof === null || proof.is === 'dead' ? null : proof.because;
}
