"""The JARs of the servers and of Spark's way to them: `python -m servers.jars`."""

from pathlib import Path

from ymr_spark.runtime.jars import APART, S3, JarSet, install

# NameNode, DataNode, ResourceManager and NodeManager; what they share with clients Spark has.
MINICLUSTER = JarSet(
    Path(__file__).with_name("minicluster.sha256"),
    APART / "minicluster",
    (
        "org.apache.hadoop:hadoop-client-minicluster:3.4.1",
        # Which it needs and does not name.
        "org.bouncycastle:bcpkix-jdk18on:1.78.1",
        "javax.xml.bind:jaxb-api:2.3.1",
        "com.sun.xml.bind:jaxb-impl:2.3.9",
    ),
    (
        *("org.apache.hadoop:hadoop-client-api", "org.apache.hadoop:hadoop-client-runtime"),
        *("org.bouncycastle:bcprov-jdk18on", "org.slf4j:*", "org.xerial.snappy:*", "junit:*"),
        *("com.google.code.findbugs:*", "commons-logging:*"),
        *("jakarta.xml.bind:*", "com.sun.activation:*"),
    ),
)

if __name__ == "__main__":
    for jars in (MINICLUSTER, S3):
        install(jars)
