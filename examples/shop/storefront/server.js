const http = require("node:http");
const mustache = require("mustache");

const catalog = process.env.CATALOG_URL || "http://catalog:8080";
const page = `<!doctype html><title>Kettle &amp; Leaf</title>
<ul>{{#teas}}<li>{{name}}: {{price}}</li>{{/teas}}</ul>`;

http.createServer(async (req, res) => {
  if (req.url === "/healthz") return res.end("ok\n");
  try {
    const answer = await fetch(`${catalog}/teas`);
    res.setHeader("Content-Type", "text/html; charset=utf-8");
    res.end(mustache.render(page, { teas: await answer.json() }));
  } catch {
    res.writeHead(502).end("The kettle is off. Please try again soon.\n");
  }
}).listen(3000);
