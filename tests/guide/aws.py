"""AWS as far as the migration guide needs it, on a port of this machine: moto, with functions that run.

moto keeps functions with their versions and aliases, and layers, but runs functions with Docker alone. Here an
invocation takes the zip and the layers as moto has got them, unpacks them with Info-ZIP as /var/task and /opt of a
root that has next to nothing else, and has AWS's Runtime Interface Emulator look for a bootstrap there. Of go1.x
there is no runtime any more: its part is played by a Go program, which calls the handler by net/rpc.

    aws.py RIE RPCCLIENT NOTES

Prints its address once it listens, or why it cannot, and ends with its standard input. NOTES gets a line of JSON
for each invocation.
"""

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import boto3
import flask
from moto.awslambda.models import LambdaBackend, LambdaFunction, get_backend
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

RIE, RPCCLIENT, NOTES = sys.argv[1:]
PATIENCE = 60

# Root's namespaces, or else those of anybody who may be root in one of his own.
NAMESPACES = ["--mount", "--pid", "--fork", "--kill-child"]
WAYS = [NAMESPACES, ["--user", "--map-root-user", *NAMESPACES]]
# A process in its root.
ROOM = """
mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec unshare --root="$0" --wd=/var/task -- "$@"
"""


def room(way, root, command):
    return [shutil.which("unshare"), *way, "sh", "-c", ROOM, root, *command]


def make_root(root):
    for folder in ["proc", "dev", "tmp", "etc", "opt", "var/task"]:
        os.makedirs(f"{root}/{folder}")
    # Go's own resolver knows localhost from there.
    with open(f"{root}/etc/hosts", "w") as hosts:
        hosts.write("127.0.0.1 localhost\n")
    shutil.copy(RIE, f"{root}/rie")


def find_way():
    with tempfile.TemporaryDirectory() as root:
        make_root(root)
        for way in WAYS:
            command = room(way, root, ["/rie", "--runtime-api-address"])
            tried = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
            if "expected argument" in tried.stdout + tried.stderr:
                return way
    print(f"this machine gives a function no root of its own: {tried.stderr.strip()}")
    sys.exit(1)


def unpack(archive, folder):
    with tempfile.NamedTemporaryFile(suffix=".zip") as file:
        file.write(archive)
        file.flush()
        subprocess.run(["unzip", "-q", file.name, "-d", folder], check=True, timeout=PATIENCE)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class DoesNotListen(Exception):
    pass


@contextlib.contextmanager
def started(function, command, ports, environment):
    """Runs a command in the function's root while it is looked at; it listens on all the ports by then."""
    with tempfile.TemporaryDirectory() as root, tempfile.TemporaryFile("w+") as log:
        make_root(root)
        unpack(function.code_bytes, f"{root}/var/task")
        for layer in function.layers:
            version = get_backend(function.account_id, function.region).layers_versions_by_arn(layer["Arn"])
            unpack(version.code_bytes, f"{root}/opt")
        environment = {
            "PATH": "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
            "LAMBDA_TASK_ROOT": "/var/task",
            "_HANDLER": function.handler,
            **function.environment_vars,
            **environment,
        }
        process = subprocess.Popen(room(WAY, root, command), env=environment, stdout=log, stderr=log)
        try:
            end = time.monotonic() + PATIENCE
            for port in ports:
                while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
                    if process.poll() is not None or time.monotonic() > end:
                        raise DoesNotListen(command)
                    time.sleep(0.01)
            yield
        finally:
            log.seek(0)
            print(log.read(), file=sys.stderr)
            process.kill()
            process.wait()


def by_emulator(function, event):
    """On provided.*: AWS's emulator finds bootstrap by itself."""
    api, port = free_port(), free_port()
    command = ["/rie", "--runtime-api-address", f"127.0.0.1:{api}"]
    command += ["--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
    environment = {
        "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": str(function.version),
        # Not the function's: this machine may be slower.
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(PATIENCE),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
    }
    with started(function, command, [port, api], environment):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        connection.request("POST", "/2015-03-31/functions/function/invocations", event)
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(f"AWS's emulator says that the function does not start: {response.status}")
        return response.read()


def by_rpc(function, event):
    """On go1.x."""
    port = free_port()
    environment = {"_LAMBDA_SERVER_PORT": str(port)}
    with started(function, [f"/var/task/{function.handler}"], [port], environment):
        client = [RPCCLIENT, "-addr", f"127.0.0.1:{port}", "-payload", event.decode()]
        called = subprocess.run(client, check=True, capture_output=True, text=True, timeout=PATIENCE)
        return json.loads(called.stdout.splitlines()[-1])["payload"].encode()


def invoke(backend, name, _, body, request_headers, response_headers):
    # moto looks for the qualifier by another name than the one that the API has.
    function = backend.get_function(name, flask.request.args.get("Qualifier"))
    event = body.encode() if isinstance(body, str) else body
    by = by_rpc if function.run_time == "go1.x" else by_emulator
    try:
        answer = by(function, event)
    except DoesNotListen:
        # Others may have taken the port before it was listened at.
        answer = by(function, event)
    # The emulator answers failures like anything else.
    if b'"errorType"' in answer:
        response_headers["x-amz-function-error"] = "Unhandled"
    response_headers["x-amz-executed-version"] = str(function.version)
    with open(NOTES, "a") as notes:
        note = {
            "function": function.function_name,
            "version": str(function.version),
            "runtime": function.run_time,
            "handler": function.handler,
            "layers": len(function.layers),
            "answer": answer.decode(),
        }
        notes.write(json.dumps(note) + "\n")
    return answer


def get_code(function):
    """As moto's, with a link to the zip that leads somewhere: to moto's S3."""
    found = moto_get_code(function)
    bucket, key = f"awslambda-{function.region}-tasks", function.code["S3Key"]
    s3 = s3_backends[function.account_id][function.partition]
    if bucket not in s3.buckets:
        s3.create_bucket(bucket, function.region)
    s3.put_object(bucket, key, function.code_bytes)
    client = boto3.client("s3", endpoint_url=ADDRESS, aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret")
    found["Code"]["Location"] = client.generate_presigned_url("get_object", {"Bucket": bucket, "Key": key})
    return found


WAY = find_way()
moto_get_code, LambdaFunction.get_code = LambdaFunction.get_code, get_code
LambdaBackend.invoke = invoke
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
ADDRESS = "http://{}:{}".format(*server.get_host_and_port())
print(ADDRESS, flush=True)
sys.stdin.read()
