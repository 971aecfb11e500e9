/** h3 on srvx: `iterable()` for bodies, `EventStream` for events. */
import { EventStream, H3, iterable, serve } from "h3";
import { chunks, countOf, endless, fileLines, hostname, linesFile, port, strings, ticks } from "./sources.ts";

const app = new H3();

app.get("/chunks", (event) => iterable(chunks(countOf(event.req.url))));
app.get("/lines", (event) => iterable(fileLines(linesFile(countOf(event.req.url)))));
app.get("/strings", (event) => iterable(strings(countOf(event.req.url))));
app.get("/ticks", () => iterable(ticks()));
app.get("/endless", () => iterable(endless()));

app.get("/events", (event) => {
  const stream = new EventStream(event);
  void stream.pushComment("open");
  return stream;
});

serve(app, { port, hostname, silent: true });
