"""What test/live/amqp.test.ts has a client of RabbitMQ do. Prints a line of JSON with what it got."""

import json
import sys

import pika

port = int(sys.argv[1])


def connect(host="/", password="guest"):
    return pika.BlockingConnection(
        pika.ConnectionParameters(
            "127.0.0.1", port, host, pika.PlainCredentials("guest", password), frame_max=4096
        )
    )


def failing(action):
    try:
        action()
    except Exception as error:  # what the server says of it is what counts
        return getattr(error, "reply_code", type(error).__name__)


got = []
connection = connect()
channel = connection.channel()
channel.exchange_declare(
    "logs", "topic", durable=True, arguments={"alternate-exchange": "other", "n": -5, "list": [1, "x", None]}
)
channel.exchange_declare("other", "fanout")
channel.exchange_bind("other", "logs", "a.#")
channel.exchange_unbind("other", "logs", "a.#")
queue = channel.queue_declare("", exclusive=True).method.queue
channel.queue_bind(queue, "logs", "k.*")
channel.basic_qos(prefetch_count=10)
channel.confirm_delivery()
properties = pika.BasicProperties(
    content_type="application/json",
    headers={"x-id": 7, "deep": {"er": True}},
    delivery_mode=2,
    priority=5,
    correlation_id="c",
    reply_to="r",
    expiration="60000",
    message_id="m",
    timestamp=1700000000,
    type="t",
    user_id="guest",
    app_id="a",
)
for number in range(3):
    channel.basic_publish("logs", "k.%d" % number, json.dumps({"number": number}), properties)
channel.basic_publish("logs", "k.large", "x" * 5000)
got.append(failing(lambda: channel.basic_publish("other", "nowhere", "lost", mandatory=True)))
for acknowledge in (channel.basic_ack, channel.basic_nack):
    method, _, body = channel.basic_get(queue)
    got.append(body.decode())
    acknowledge(method.delivery_tag)
deliveries = 0
for method, _, body in channel.consume(queue):
    got.append(len(body))
    deliveries += 1
    if deliveries == 1:
        channel.basic_reject(method.delivery_tag, requeue=False)
    else:
        channel.basic_ack(method.delivery_tag)
    if deliveries == 3:
        break
channel.cancel()
channel.basic_recover(requeue=True)
channel.basic_get(queue)
channel.queue_purge(queue)
transaction = connection.channel()
transaction.tx_select()
transaction.basic_publish("", queue, "kept")
transaction.tx_commit()
transaction.basic_publish("", queue, "forgotten")
transaction.tx_rollback()
transaction.close()
got.append(failing(lambda: connection.channel().queue_declare("missing", passive=True)))
got.append(failing(lambda: connection.channel().exchange_declare("logs", "direct")))
channel.queue_unbind(queue, "logs", "k.*")
got.append(channel.queue_delete(queue).method.message_count)
channel.exchange_delete("logs")
channel.exchange_delete("other")
connection.close()
got.append(failing(lambda: connect(host="/missing")))
got.append(failing(lambda: connect(password="wrong")))
print(json.dumps(got))
