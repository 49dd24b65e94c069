# SPDX-License-Identifier: GPL-3.0-or-later
"""Authorities and certificates for tests, made with openssl.

    authority = Authority(folder, "ca")
    server = authority.issue("ns.example")   # .certificate and .key are paths, .pin is base64
"""
import pathlib
import subprocess


def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, timeout=30,
                          check=True).stdout


class Identity:
    def __init__(self, folder, name):
        self.certificate = str(pathlib.Path(folder) / f"{name}.pem")
        self.key = str(pathlib.Path(folder) / f"{name}.key")
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.key)

    @property
    def pin(self):
        """RFC 7858 §4.2."""
        public = openssl("ec", "-in", self.key, "-pubout", "-outform", "DER")
        digest = openssl("dgst", "-sha256", "-binary", data=public)
        return openssl("base64", "-A", data=digest).decode().strip()


class Authority(Identity):
    def __init__(self, folder, name):
        super().__init__(folder, name)
        self.folder = folder
        openssl("req", "-x509", "-new", "-key", self.key, "-subj", f"/CN={name}", "-days", "30",
                "-addext", "basicConstraints=critical,CA:TRUE", "-out", self.certificate)

    def issue(self, hostname, name=None, days=20):
        identity = Identity(self.folder, name or hostname)
        request = openssl("req", "-new", "-key", identity.key, "-subj", f"/CN={hostname}")
        extensions = pathlib.Path(identity.certificate + ".ext")
        extensions.write_text(f"subjectAltName=DNS:{hostname}\n")
        openssl("x509", "-req", "-CA", self.certificate, "-CAkey", self.key, "-days", str(days),
                "-CAcreateserial", "-extfile", str(extensions), "-out", identity.certificate,
                data=request)
        return identity
