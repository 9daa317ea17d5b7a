from fastapi import APIRouter

router = APIRouter()


@router.get("/health")
async def health():
    import asyncio
    return {"app": "py-fastapi", "loop": type(asyncio.get_running_loop()).__module__}
