# SPDX-License-Identifier: Apache-2.0
"""picture.py REPORT.html PICTURE.png: the top of a report, down to perplexity against survival, as README.md shows it.

   bash examples/demo.sh --out report && /usr/bin/python3 tests/browser/picture.py report/report.html examples/docs/report.png
"""
import base64
import pathlib
import sys
import tempfile

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

page, picture = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
options = Options()
with tempfile.TemporaryDirectory() as profile:
    for flag in ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}"]:
        options.add_argument(flag)
    browser = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    try:
        size = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get(page.as_uri())
        end = browser.execute_script("return document.querySelector('#masking figure').getBoundingClientRect().bottom + window.scrollY")
        shot = browser.execute_cdp_cmd("Page.captureScreenshot", {
            "captureBeyondViewport": True, "clip": {"x": 0, "y": 0, "width": size["width"], "height": end, "scale": 1}})
        picture.write_bytes(base64.b64decode(shot["data"]))
    finally:
        browser.quit()
