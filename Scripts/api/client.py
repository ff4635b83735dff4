"""Calls coordinator, origin and edge through clients that a generator made of their documents.

client.py COORDINATOR ORIGIN EDGE TOKEN FOLDER-OF-THE-CLIENTS
"""

import json
import sys
import time

import muster_coordinator
import muster_edge
import muster_origin


def client(module, url, token):
    return module.DefaultApi(module.ApiClient(module.Configuration(host=url, access_token=token)))


coordinator_url, origin_url, edge_url, token, folder = sys.argv[1:]
coordinator = client(muster_coordinator, coordinator_url, token)
origin = client(muster_origin, origin_url, token)
edge = client(muster_edge, edge_url, token)

# Every operation of the document has become a method.
for role, api in (("coordinator", coordinator), ("origin", origin), ("edge", edge)):
    with open(f"{folder}/../{role}.json") as file:
        paths = json.load(file)["paths"]
    for path in paths.values():
        for operation in path.values():
            name = "".join("_" + c.lower() if c.isupper() else c for c in operation["operationId"])
            assert callable(getattr(api, name, None)), f"{role} has no {name}"

# Work: a job with inputs, its end, its results.
asked = muster_coordinator.CreateJobRequest(kernel="sum", inputs=[[1, 2], [3, 4, 5]])
job = coordinator.create_job(create_job_request=asked)
assert job.kernel == "sum" and job.count == 2, job
lines = bytes(coordinator.job_results(id=job.id, wait=True)).decode().splitlines()
assert [json.loads(line)["value"] for line in lines] == [3, 12], lines
assert coordinator.job(id=job.id).state == "done"
assert job.id in [known.id for known in coordinator.list_jobs(limit=10).jobs]

# Members, a command, children and their numbers, what is refused.
worker = [member for member in coordinator.members().members if member.role == "worker"][0]
assert coordinator.member(id=worker.id).rank == worker.rank
receipt = coordinator.send_command(send_command_request=muster_coordinator.SendCommandRequest(command="GO"))
assert coordinator.command(id=receipt.id).recipients == receipt.recipients
asked = muster_coordinator.CreateChildrenRequest(count=2, numbers=10)
first = coordinator.create_children(idempotency_key="once", create_children_request=asked)
again = coordinator.create_children(idempotency_key="once", create_children_request=asked)
assert first == again and len(first.children) == 2
for _ in range(600):
    progress = coordinator.progress()
    if progress.received >= 20:
        break
    time.sleep(0.1)
assert progress.received == 20 and progress.children.died == 0, progress
try:
    coordinator.job(id=10**9)
    raise AssertionError("a job that is not there was found")
except muster_coordinator.exceptions.NotFoundException as error:
    assert json.loads(error.body)["status"] == 404

# A picture, and that it need not be sent again.
answer = coordinator.picture_with_http_info(width=64, height=48, escape=100, smooth=True, samples=2, spread="range")
assert bytes(answer.data[:8]) == b"\x89PNG\r\n\x1a\n"
known = coordinator.picture_without_preload_content(width=64, height=48, if_none_match='"x"')
assert known.status == 200

# An image: stored, described, fetched by way of the edge, forgotten everywhere.
stored = origin.put_image(id=77, body=b"some bytes")
assert stored.size == 10, stored
assert origin.image_size(id=77).size == 10
assert bytes(origin.image(id=77)) == b"some bytes"
assert bytes(origin.image(id=77, range="bytes=5-")) == b"bytes"
assert 77 in [image.id for image in origin.list_images().images]
purged = edge.purge(purge_request=muster_edge.PurgeRequest(id=77))
assert purged.confirmed == [1] and purged.missing == [], purged
assert edge.edge().leader == 1
assert origin.delete_image(id=77).deleted
assert coordinator.healthz().status == "ok"
print("generated clients: every operation is there, and those tried did what they say")
