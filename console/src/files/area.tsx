import { Empty } from "../parts/states";
export default function Files() {
  return <Empty whole icon="files" title="Files" />;
}
