"""python -m config.probe [livez|readyz]: ask this machine's web server how it is. For health checks in containers."""

import os
import sys
import urllib.request


def main(name: str) -> int:
    """0 if the answer is 200. Names the first allowed host, for the server answers to no other."""
    host = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].strip().lstrip(".")
    headers = {"Host": "localhost" if host in {"", "*"} else host}
    address = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}/{name}"
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=4) as answer:
            return 0 if answer.status == 200 else 1
    except OSError as error:
        sys.stderr.write(f"{name}: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "livez"))
