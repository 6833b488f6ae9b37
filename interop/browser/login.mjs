// Opens the authorization URL in Chromium, fills in the login form, submits it and prints what the page shows then.
// Usage: node login.mjs URL USERNAME PASSWORD
import { chromium } from "playwright-core";

const [url, username, password] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.KEYBOUND_CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
try {
  const page = await browser.newPage();
  await page.goto(url);
  await page.fill("input[name=username]", username);
  await page.fill("input[name=password]", password);
  await Promise.all([page.waitForURL("**/callback?**"), page.press("input[name=password]", "Enter")]);
  console.log((await page.textContent("body")).trim());
} finally {
  await browser.close();
}
