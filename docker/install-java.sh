#!/bin/sh
# Installs the Java that Spark needs where apt-get is allowed; says the way out where it is not.
set -eu
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    apt-get update -qq || true
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq openjdk-17-jre-headless
elif command -v apt-get >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    sudo apt-get update -qq || true
    sudo DEBIAN_FRONTEND=noninteractive apt-get install -y -qq openjdk-17-jre-headless
else
    echo "Java 17 or 21 is needed: install openjdk-17-jre-headless, or set JAVA_HOME" >&2
    exit 4
fi
