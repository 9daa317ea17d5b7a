from fastapi import FastAPI, Form, Request
from fastapi.responses import ORJSONResponse
from fastapi.templating import Jinja2Templates
from pydantic import BaseModel, EmailStr
from starlette.middleware.sessions import SessionMiddleware

from .routes import load

app = FastAPI(default_response_class=ORJSONResponse)
app.add_middleware(SessionMiddleware, secret_key="unset")
pages = Jinja2Templates(directory="templates")
load(app)


class Person(BaseModel):
    email: EmailStr


@app.post("/form")
async def form(word: str = Form()):
    return {"word": word}


@app.get("/page")
async def page(request: Request):
    return pages.TemplateResponse(request, "x.html", {"word": Person(email="a@example.com").email})
