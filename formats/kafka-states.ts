/** List state of every source on Flink's source interface; `KafkaSource` among them. */
export const SOURCE_READER_STATE = 'SourceReaderState';
/** List state of `FlinkKafkaConsumer` since Flink 1.4. */
export const LEGACY_CONSUMER_STATE = 'topic-partition-offset-states';
/** List state of `FlinkKafkaConsumer` in Flink 1.3, and of anything else that used the default list state. */
export const LEGACY_DEFAULT_STATE = '_default_';

/** Whether inline state is worth keeping for its Kafka positions. */
export const holdsKafkaPositions = (stateName: string): boolean =>
  stateName === SOURCE_READER_STATE ||
  stateName === LEGACY_CONSUMER_STATE ||
  stateName === LEGACY_DEFAULT_STATE;
