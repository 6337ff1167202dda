import type { FailureCode } from './failure.js';

/** The systems that a recovery can wait for. */
export type Dependency = 'storage' | 'zookeeper' | 'flink' | 'kafka';

/** The system whose return would mend a failure; null: nothing to wait for but time. */
export function dependencyOf(code: FailureCode): Dependency | null {
  switch (code) {
    case 'StorageUnavailable':
    case 'StorageNotWritable':
    case 'StorageStandby':
    case 'StorageSafeMode':
    case 'BlocksMissing':
      return 'storage';
    case 'HaStoreUnavailable':
      return 'zookeeper';
    case 'FlinkUnavailable':
    case 'FlinkRestarting':
    case 'NoSlots':
      return 'flink';
    case 'KafkaUnavailable':
      return 'kafka';
    default:
      return null;
  }
}
