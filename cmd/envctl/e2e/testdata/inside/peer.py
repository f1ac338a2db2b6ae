# A WebSocket server: messages of the subprotocol chat come back, bye closes.
import asyncio
import signal

import websockets


async def chat(socket, path):
    async for message in socket:
        if message == "bye":
            await socket.close(4001, "so long")
            return
        await socket.send(message)


async def main():
    stop = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set_result, None)
    async with websockets.serve(chat, "", 8000, subprotocols=["chat"]):
        await stop


asyncio.run(main())
