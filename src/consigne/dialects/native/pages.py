"""The page at the root: what this is, and where to go from here. Pure functions to HTML."""

from html import escape


def landing(prefix: str, base_url: str) -> str:
    """Return the page at the root. ``prefix``: the path of the public URL."""
    base, start = escape(base_url), escape(prefix)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Consigne</title>
<link rel="icon" href="{start}/favicon.ico">
<link rel="stylesheet" href="{start}/docs/static/site.css"></head><body>
<h1>Consigne</h1>
<p>A self-hosted service that business applications hand their files to. A successful answer means
that the bytes and their row are on stable storage; the bytes that come back are the bytes that went
in, checked.</p>
<ul>
<li><a href="{start}/console">Console</a>: look after the files in the browser</li>
<li><a href="{start}/docs/">Documentation</a>, with a <a href="{start}/docs/tutorials/start/">first
tour of five minutes</a></li>
<li><a href="{start}/docs/api/">OpenAPI documents</a> of every interface</li>
<li><a href="{start}/docs/errors/">What each error means</a></li>
<li><a href="{start}/health/ready">Health</a></li>
</ul>
<h2>Send a first file</h2>
<pre><code>curl -H "Authorization: Bearer $KEY" \\
     -T report.pdf -X POST "{base}/consigne/v1/files?name=report.pdf"</code></pre>
</body></html>
"""
