/** The baseline of `overhead`: as many steps as a recovery has, one after the other, which do nothing. */
import { proxyActivities } from '@temporalio/workflow';

const { nothing } = proxyActivities<{ nothing(): Promise<void> }>({ startToCloseTimeout: '1m' });

export async function noOpSteps(steps: number): Promise<void> {
  for (let i = 0; i < steps; i++) await nothing();
}
